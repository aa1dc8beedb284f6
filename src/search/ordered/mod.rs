//! The ordered mode: one index in order over the values of all providers. An explicit opt-in.
//!
//! Choose [the federated mode](crate::search) unless you need what this one has: one index for all providers, in which a
//! range is found in the time of its answer, the smallest and greatest values among it.
//!
//! # Roles
//!
//! Providers encrypt under keys of their own. A **switcher** of its own, apart from the cloud, has a factor for each of
//! them and turns what they upload, once, into values under one key that nobody but the owner has; and what users ask
//! likewise. The cloud compares digests of what comes out. Neither of the two can read a value alone.
//!
//! # Construction
//!
//! On ristretto255 with generator B. H_s and H2G hash to scalars and to points; sid is the [id of the
//! space](crate::search::Space::id), which every hash binds.
//!
//! * **r** = H_s(root, sid, g) for a generation g of the space. The generation of the first step of every path is the
//!   generation of r, and so is that of a user.
//! * **Providers** directly below the owner: c = H_s(root, sid, path), k = r·c⁻¹; the provider gets k, the switcher c. Below
//!   a provider with key k: τ = H_s(k, sid, path of the child), k' = kτ; the provider gives τ⁻¹ to the switcher, which has
//!   c' = cτ⁻¹ then. **Users**: as the providers below the owner, in a domain of their own.
//! * **Encryption** of a number of b bits: for bit t with value x_t behind the prefix p, U_t = k·H2G(sid, t, p, x_t) and
//!   V_t = k·H2G(sid, t, p, x_t + 1); 64 bytes a bit. It takes two hashes to the group and two multiplications a bit.
//! * **Switching**: c times each point, and 16 bytes of a digest over sid, t and the point; 32 bytes a bit.
//! * **Comparison**: at the first bit where U differs, V of the smaller value is U of the greater one.
//! * **Index**: for each provider a trie over U whose siblings are in order by V. What contradicts its own provider's other
//!   values is put into [quarantine](crate::search::Quarantined). Ranges are found provider by provider. The smallest and the
//!   greatest are put in order over all, from what each provider has at that end; what contradicts most hospitals there is set
//!   apart, with its provider's name, and never stands in the order. The owner [inspects](inspect) who is to blame. In one trie for all, a provider that lies first
//!   would hide what others write, and would learn from what is hidden what they have.
//! * **Rotation**: δ = r'·r⁻¹ for the switcher, which switches what was uploaded before again; the index is built anew.
//!
//! The shape of U and V is that of the order-revealing encryption of Chenette, Lewi, Weis and Wu (“Practical Order-Revealing
//! Encryption with Limited Leakage”, *FSE* 2016), over a group, so that keys can be switched.
//!
//! # What it leaks
//!
//! To the cloud, at rest and without any question: **the whole trie**. Which values are equal, the order of all of them, the
//! first bit at which any two differ, and which provider each is from; of a question the places of its bounds among them.
//! With the distribution known, as for ages or blood pressure, this is most of the values themselves: Naveed, Kamara and
//! Wright (“Inference Attacks on Property-Preserving Encrypted Databases”, *CCS* 2015) recover most of the ordered columns of
//! hospitals. Domains of one byte are refused but by [force](Ordered::forced_space).
//!
//! The switcher, which switches all of it, can see the same, and who uploads and asks.
//!
//! # What it does not protect
//!
//! * **One provider or querier together with the switcher gets r = kc, and with it every value and every key of the space**,
//!   of all generations between which the switcher has the rotation. Hierarchy and rotation isolate nothing from them. Run
//!   the switcher apart from everybody else.
//! * If anyone can compare across providers without interaction, one provider and the cloud find another's values by binary
//!   search: the provider uploads values of its choice and sees where they come to stand. No scheme avoids that.
//! * Scopes are good will: switcher and index filter by them. Who has the index and a trapdoor sees all of the order.
//! * Whoever is above reads what those below write.
//! * Whether an answer is complete.
//!
//! # What it rests on
//!
//! Gap Diffie–Hellman on ristretto255 and random oracles, with the leakage above: without its factor, points of one provider are
//! unrelated to those of another and to digests. Equality and order within one provider show without any key. A quantum
//! computer finds r.
//!
//! # What it revokes
//!
//! Removing a provider or a user [from the switcher](Switch::remove_provider) ends what they upload or ask, as long as the
//! switcher is honest. [Rotation](SwitchRotation) makes keys of former generations useless also to who gets hold of the new
//! index. Old indexes stay what they were.

mod arrange;
mod error;
mod form;
#[cfg(any(test, feature = "hazmat"))]
#[cfg_attr(not(feature = "hazmat"), allow(dead_code, unreachable_pub))]
pub(crate) mod hazmat;
mod key;
mod rotation;
mod switch;
mod switch_key;
mod switcher;
#[cfg(test)]
mod tests;
mod token;
mod trie;

use alloc::vec::Vec;
use core::marker::PhantomData;

use rand_core::TryCryptoRng;

use super::value::{Ask, check_range};
use super::{
    Attribute, Encoder, EncryptError, End, MAX_TOP, Mode, Path, PathError, Queries, Query, ScopeError, Search,
    SearchRoot, Space, SpaceError, Step, TrapdoorError, Value, scope_of,
};
use crate::context::Partition;
use crate::encoding::SuiteId;
use crate::identity::PartyId;

pub use error::{Inconsistent, Malformed, SwitchCheckError, SwitchError, SwitchKeyError};
pub use form::{Digests, Points, compare, inspect};
pub use key::{QueryKey, WriteKey};
pub use rotation::{SwitchRotation, SwitchRotationTerms, VerifiedSwitchRotation};
pub use switch::Switch;
pub use switch_key::{Subject, SwitchKey, SwitchTerms, VerifiedSwitchKey};
pub use switcher::{Switched, Switcher, SwitcherError};
pub use token::{Bound, Question, Token, Trapdoor};
pub use trie::Trie;

/// The ordered mode. Read [what it leaks](self) first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordered;

impl Ordered {
    /// The widest domain that is refused unless it is forced.
    const SMALL: u8 = 8;

    /// A space whatever the size of its domain. In a domain of one byte the index gives most values away as soon as most of
    /// them are in it.
    ///
    /// # Errors
    /// [`SpaceError`] for codes.
    pub fn forced_space(
        owner: PartyId,
        partition: Partition,
        attribute: Attribute,
        encoder: Encoder,
    ) -> Result<Space<Self>, SpaceError> {
        match Self::check(&encoder, Queries::Ranges) {
            Ok(()) | Err(SpaceError::SmallDomain) => {
                Space::unchecked(owner, partition, attribute, encoder, Queries::Ranges)
            }
            Err(error) => Err(error),
        }
    }
}

impl Search for Ordered {
    const MODE: Mode = Mode::Ordered;
    const SUITE: SuiteId = SuiteId::Ordered;

    type WriteKey = WriteKey;
    type QueryKey = QueryKey;
    type Upload = Points;
    type Stored = Digests;
    type Question = Question;
    type Trapdoor = Trapdoor;
    type Store = Trie;
    type Gate = Switched;

    fn check(encoder: &Encoder, queries: Queries) -> Result<(), SpaceError> {
        let bits = encoder.bits().ok_or(SpaceError::CodeInOrdered)?;
        if queries != Queries::Ranges {
            return Err(SpaceError::Queries);
        }
        // Last: this alone can be forced.
        if bits <= Self::SMALL { Err(SpaceError::SmallDomain) } else { Ok(()) }
    }

    fn write_key(root: &SearchRoot, space: &Space<Self>, path: &Path) -> WriteKey {
        WriteKey::derive(root, space, path)
    }

    fn child_key(key: &WriteKey, child: Step) -> Result<WriteKey, PathError> {
        key.child(child)
    }

    fn writer(key: &WriteKey) -> (&Space<Self>, &Path) {
        (&key.space, &key.path)
    }

    /// Nothing is drawn: equal values of one provider are equal.
    fn encrypt<R: TryCryptoRng + ?Sized>(
        key: &WriteKey,
        value: &Value,
        _: &mut R,
        out: &mut Vec<u8>,
    ) -> Result<(), EncryptError> {
        let bits = key.space.shape().bits();
        let number = form::number(bits, value).ok_or(EncryptError::Value)?;
        form::encrypt(&key.space.id(), bits, &key.k.clone().nonzero()?, number, out);
        Ok(())
    }

    fn query_key(root: &SearchRoot, space: &Space<Self>, user: Step, scope: &[Path]) -> Result<QueryKey, ScopeError> {
        let (scope, sid) = (scope_of(scope)?, space.id());
        let k = &key::r(root, &sid, user.generation) * &key::querier(root, &sid, user).invert();
        Ok(QueryKey { space: space.clone(), user, scope, k })
    }

    fn narrow(key: &QueryKey, keep: impl Fn(&Path) -> bool) -> Result<QueryKey, ScopeError> {
        let scope: Vec<_> = key.scope.iter().filter(|path| keep(path)).cloned().collect();
        Ok(QueryKey { space: key.space.clone(), user: key.user, scope: scope_of(&scope)?, k: key.k.clone() })
    }

    fn asker(key: &QueryKey) -> (&Space<Self>, Vec<Path>) {
        (&key.space, key.scope.clone())
    }

    fn question(key: &QueryKey, query: &Query) -> Result<Question, TrapdoorError> {
        let (sid, bits, k) = (key.space.id(), key.space.shape().bits(), key.k.clone().nonzero()?);
        let bound = |number: u64| {
            let mut points = Vec::new();
            form::encrypt(&sid, bits, &k, number, &mut points);
            points
        };
        let token = |lower, upper, end, limit| Question {
            lower,
            upper,
            end,
            limit,
            scope: key.scope.clone(),
            form: PhantomData,
        };
        match &query.0 {
            Ask::Range { lower, upper } => {
                let [lower, upper] = [lower, upper].map(|bound| bound.as_deref().copied());
                check_range(bits, lower, upper)?;
                Ok(token(lower.map(bound), upper.map(bound), End::Smallest, u32::MAX))
            }
            Ask::Point(value) => {
                let point = bound(form::number(bits, value).ok_or(TrapdoorError::Value)?);
                Ok(token(Some(point.clone()), Some(point), End::Smallest, u32::MAX))
            }
            Ask::Top(_, limit) if *limit > MAX_TOP => Err(TrapdoorError::Value),
            Ask::Top(end, limit) => Ok(token(None, None, *end, *limit)),
            Ask::Prefix(_) => Err(TrapdoorError::Query),
        }
    }
}
