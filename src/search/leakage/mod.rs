//! What search reveals, to whom and when: as a table that programs can read, and as functions on plaintext.
//!
//! No index that a server searches by order hides everything. Which of it is bearable depends on the data, so it is said
//! in full. What has been done with as much:
//!
//! * Naveed, Kamara, Wright, "Inference attacks on property-preserving encrypted databases", CCS 2015: from an index in
//!   order and public statistics alone, without a query, attributes such as age and severity of disease for more than 80 %
//!   of the patients of 95 % of 200 hospitals in the USA; from equalities alone, attributes such as sex and race for more
//!   than 60 % of the patients of more than 60 % of them. This is the [ordered](Mode::Ordered) mode at rest.
//! * Grubbs, Sekniqi, Bindschaedler, Naveed, Ristenpart, "Leakage-abuse attacks against order-revealing encryption", S&P
//!   2017: 90 % of the dates of birth of a database of customers, from the order-preserving encryption in widest use, by
//!   matching in order against public statistics. What shows more than order, as first differing bits do, is attacked there too.
//! * Kellaris, Kollios, Nissim, O'Neill, "Generic attacks on secure outsourced databases", CCS 2016: of N possible values,
//!   O(N⁴ log N) ranges chosen uniformly give all values away, up to their mirror image, to whoever sees only which
//!   entries each one finds; O(N² log N) where all values occur. This is either mode, with time.
//! * Lacharité, Minaud, Paterson, "Improved reconstruction attacks on encrypted data using range query leakage", S&P 2018:
//!   N log N + O(N) such ranges where all values occur, and O(N) for values up to an error of a constant share of N. They
//!   name the construction that the [federated](Mode::Federated) mode stands on among those that show more than that.
//!
//! A rule from this: what has few values, or values that everybody knows the distribution of, does not belong into the
//! ordered mode; what is asked for often by ranges is known in the end.
//!
//! The functions say exactly what the cloud sees, from the values themselves: two sets of data for which they agree give
//! indexes, and outcomes of tokens, that differ by nothing but random-looking bytes. They are for tests and for whoever
//! wants to know before uploading; they take the plaintext, and neither wipe it nor run in constant time.

mod seen;
#[cfg(test)]
mod tests;

use core::fmt;

use super::{Mode, Queries};

pub use seen::{
    Comparison, OrderedShape, common_prefix, federated_at_rest, federated_point, federated_token, ordered_shape,
    ordered_token,
};

/// Who sees something. Parties that put together what they have are observers of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Observer {
    /// Who keeps the index and answers.
    Cloud,
    /// Who brings values under one key on their way to the index; only in the ordered mode.
    Switcher,
    /// Who encrypts values, with its key and nothing of the index.
    Provider,
    /// The cloud and a provider.
    CloudAndProvider,
    /// The cloud and a user who may ask.
    CloudAndUser,
    /// The switcher and a provider, or a user who may ask; only in the ordered mode.
    SwitcherAndKey,
}

impl Observer {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Cloud, Self::Switcher, Self::Provider, Self::CloudAndProvider, Self::CloudAndUser, Self::SwitcherAndKey];
}

impl fmt::Display for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cloud => "cloud",
            Self::Switcher => "switcher",
            Self::Provider => "provider",
            Self::CloudAndProvider => "cloud and provider",
            Self::CloudAndUser => "cloud and user",
            Self::SwitcherAndKey => "switcher and key",
        })
    }
}

/// When something is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Moment {
    /// From what is uploaded, without a single token.
    AtRest,
    /// From each token, in addition.
    PerToken,
}

impl Moment {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AtRest, Self::PerToken];
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AtRest => "at rest",
            Self::PerToken => "per token",
        })
    }
}

/// What is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Leak {
    /// The space: whose records, which attribute, how it is encoded and what can be asked.
    Space,
    /// How many values there are per provider, and when each came and went.
    Counts,
    /// Under which path each value is: hospital, department, physician.
    Provenance,
    /// To which record each value belongs.
    Records,
    /// Which values are equal, over all providers.
    Equality,
    /// The order of all values, over all providers.
    Order,
    /// For each two values, the first bit in which they differ: about how far apart they are.
    FirstDifferingBit,
    /// Who may write and who may ask whom: the rosters, as long as they are kept.
    Members,
    /// Who asks, signed: it can be shown to others.
    Asker,
    /// For which providers a token is.
    Scope,
    /// What kind of query it is, for how many values at most, and of which length a prefix is. A range of one value shows as
    /// one.
    QueryKind,
    /// Whether a range has one bound or two, and which.
    OneSided,
    /// Which values a token finds, and so which of them are equal or begin alike.
    ResultSets,
    /// Which tokens of one key ask for the same value or prefix.
    TokenEquality,
    /// How many first blocks of 4 bits the bounds of two tokens share, for one provider.
    TokenPrefixes,
    /// Whether each value is below, at or above a bound.
    OrderToBound,
    /// The first block of 4 bits in which each value differs from a bound.
    FirstDifferingBlock,
    /// The first bit in which each value differs from a bound, and one bound from another.
    FirstDifferingBitOfBounds,
    /// The values of that party and of everybody below it, and what only they are asked.
    ValuesBelow,
    /// The values of the providers that the user may ask.
    ValuesInScope,
    /// All values: by encrypting guesses and looking where they fall.
    AllByGuessing,
    /// All values and all keys, of this generation and of others. Nothing revokes it but another root.
    AllKeys,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Space => "space",
            Self::Counts => "number of values per provider",
            Self::Provenance => "path of each value",
            Self::Records => "record of each value",
            Self::Equality => "equal values",
            Self::Order => "order of values",
            Self::FirstDifferingBit => "first differing bit of values",
            Self::Members => "who writes and who may ask",
            Self::Asker => "who asks",
            Self::Scope => "providers asked",
            Self::QueryKind => "kind of query",
            Self::OneSided => "bounds present",
            Self::ResultSets => "values found",
            Self::TokenEquality => "equal tokens",
            Self::TokenPrefixes => "common first blocks of bounds",
            Self::OrderToBound => "order of each value to a bound",
            Self::FirstDifferingBlock => "first differing block of each value to a bound",
            Self::FirstDifferingBitOfBounds => "first differing bit of each value and bound to a bound",
            Self::ValuesBelow => "values of the provider and below",
            Self::ValuesInScope => "values of the user's scope",
            Self::AllByGuessing => "all values, by guessing",
            Self::AllKeys => "all values and all keys",
        })
    }
}

/// What a space reveals, from its mode and from what can be asked of it.
///
/// Cost of asking it: none. Source: the papers named in the [module](self), and the constructions' own statements.
/// It says what honest-but-curious parties see: not what they see in the network, nor what answers and records fetched
/// after them say. Users see the answers to what they ask, and nothing else of the index. A token is not used up: whoever has it asks it again, of values that come
/// later too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeakageProfile {
    mode: Mode,
    queries: Queries,
}

const FEDERATED: &[Leak] = &[Leak::Space, Leak::Members, Leak::Counts, Leak::Provenance, Leak::Records];
const ORDERED: &[Leak] = &[
    Leak::Space,
    Leak::Members,
    Leak::Counts,
    Leak::Provenance,
    Leak::Records,
    Leak::Equality,
    Leak::Order,
    Leak::FirstDifferingBit,
];
const POINT: &[Leak] = &[Leak::Asker, Leak::Scope, Leak::QueryKind, Leak::ResultSets, Leak::TokenEquality];
const RANGE: &[Leak] = &[
    Leak::Asker,
    Leak::Scope,
    Leak::QueryKind,
    Leak::OneSided,
    Leak::ResultSets,
    Leak::TokenEquality,
    Leak::TokenPrefixes,
    Leak::OrderToBound,
    Leak::FirstDifferingBlock,
];
const ORDERED_TOKEN: &[Leak] = &[
    Leak::Asker,
    Leak::Scope,
    Leak::QueryKind,
    Leak::OneSided,
    Leak::ResultSets,
    Leak::TokenEquality,
    Leak::OrderToBound,
    Leak::FirstDifferingBitOfBounds,
];

impl LeakageProfile {
    /// Of spaces of this mode. The ordered mode has [ranges](Queries::Ranges) alone, whatever is said here.
    #[must_use]
    pub fn of(mode: Mode, queries: Queries) -> Self {
        Self { mode, queries: if mode == Mode::Ordered { Queries::Ranges } else { queries } }
    }

    /// What one observer sees at one moment; nothing if there is no such observer in the mode.
    ///
    /// Whoever has put something together sees besides what each of them sees: that is not repeated.
    #[must_use]
    pub fn reveals(&self, observer: Observer, moment: Moment) -> &'static [Leak] {
        match (self.mode, observer, moment) {
            (Mode::Federated, Observer::Cloud, Moment::AtRest) => FEDERATED,
            (Mode::Federated, Observer::Cloud, Moment::PerToken) => {
                if self.queries.ranges() {
                    RANGE
                } else {
                    POINT
                }
            }
            (Mode::Federated, Observer::CloudAndUser, Moment::AtRest) => &[Leak::ValuesInScope],
            (Mode::Federated, Observer::Switcher | Observer::SwitcherAndKey, _) => &[],
            (Mode::Ordered, Observer::Cloud | Observer::Switcher, Moment::AtRest) => ORDERED,
            // What the switcher remembers of the values that it switched, it can hold a bound against.
            (Mode::Ordered, Observer::Cloud | Observer::Switcher, Moment::PerToken) => ORDERED_TOKEN,
            (Mode::Ordered, Observer::CloudAndUser, Moment::AtRest) => &[Leak::AllByGuessing],
            (Mode::Ordered, Observer::CloudAndProvider, Moment::AtRest) => &[Leak::ValuesBelow, Leak::AllByGuessing],
            (Mode::Ordered, Observer::SwitcherAndKey, Moment::AtRest) => &[Leak::AllKeys],
            // Whoever has a provider's key has those below it, and its own values in the index are no secret from it.
            (Mode::Federated, Observer::CloudAndProvider, Moment::AtRest) => &[Leak::ValuesBelow],
            // A provider alone has no ciphertext but its own; a key without the index opens nothing.
            (_, Observer::Provider, _) => &[],
            // What tokens add for those who have a key is what they add for the cloud among them.
            (_, _, Moment::PerToken) => &[],
        }
    }

    /// Whether this is among what that observer sees at that moment.
    #[must_use]
    pub fn includes(&self, leak: Leak, observer: Observer, moment: Moment) -> bool {
        self.reveals(observer, moment).contains(&leak)
    }

    /// Who sees something, when and what.
    pub fn rows(&self) -> impl Iterator<Item = (Observer, Moment, &'static [Leak])> + use<> {
        let profile = *self;
        Observer::ALL
            .into_iter()
            .flat_map(|observer| Moment::ALL.map(|moment| (observer, moment)))
            .map(move |(observer, moment)| (observer, moment, profile.reveals(observer, moment)))
            .filter(|(_, _, leaks)| !leaks.is_empty())
    }
}

/// A table in Markdown: a row for each observer and moment.
impl fmt::Display for LeakageProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("| Who                | When      | What |\n|---|---|---|\n")?;
        for (observer, moment, leaks) in self.rows() {
            write!(f, "| {observer:18} | {moment:9} | ")?;
            for (i, leak) in leaks.iter().enumerate() {
                write!(f, "{}{leak}", if i == 0 { "" } else { "; " })?;
            }
            f.write_str(" |\n")?;
        }
        Ok(())
    }
}
