//! Trustees: an owner's secret γ in m shares, of which t act together and fewer know nothing.
//!
//! With the shares of a threshold of trustees a grant can be issued in an emergency, while the owner cannot act. Each
//! trustee contributes to it with its own share, so γ never exists anywhere but with the owner: **no function
//! combines shares**.
//!
//! # Where it comes from
//!
//! * Feldman, “A Practical Scheme for Non-interactive Verifiable Secret Sharing”, *FOCS* 1987: shares that can be
//!   checked.
//! * Herzberg, Jarecki, Krawczyk and Yung, “Proactive Secret Sharing”, *CRYPTO* 1995: shares that are renewed.
//! * Desmedt and Jajodia, “Redistributing Secret Shares to New Access Structures”, 1997, and Wong, Wang and Wing,
//!   “Verifiable Secret Redistribution for Archive Systems”, *IEEE Security in Storage* 2002: new shares for other
//!   trustees and another threshold.
//!
//! # Construction
//!
//! There is one operation, and everything is an instance of it.
//!
//! * **State** ([`Sharing`]): a [`Committee`] of m trustees with threshold t, numbered from 1, and commitments C_j =
//!   f_jP to the coefficients of a polynomial f of degree t − 1 with f(0) = γ. Trustee k has γ_k = f(k); its image
//!   V1^(k) = γ_kP = Σ kʲC_j is public, and C_0 = V1 is the owner's key. Its name is H(origin, round, committee,
//!   commitments).
//! * **Round 0** ([`Sharing::of_owner`]): the owner alone, a committee of one with the constant polynomial γ.
//! * **Dealing** ([`Dealing`]): a trustee i of the state draws a polynomial h_i of degree t' − 1 with h_i(0) = γ_i, signs
//!   the new committee, the state's name and the commitments to h_i, and sends h_i(k) to each new trustee k as a
//!   [`SubShare`]. Anyone checks the signature and that the first commitment is V1^(i).
//! * **Resharing** ([`Sharing::reshare`]): from exactly t dealings of distinct trustees, with the Lagrange coefficients
//!   λ_i at 0 of their numbers, the next state has the commitments Σ λ_iC_{i,j}, and trustee k the share Σ λ_ih_i(k),
//!   after it checked each h_i(k)P = Σ kʲC_{i,j}.
//!
//! The new polynomial is Σ λ_ih_i. At 0 it is Σ λ_iγ_i = γ: the secret stays, everything else of the polynomial is new.
//! So the owner's dealing is a resharing of one to many; *refreshing* is resharing to the same committee; *replacing* a
//! trustee, and changing t or m, is resharing to another. Whoever has the same dealings computes the same state.
//!
//! # A resharing, step by step
//!
//! 1. The trustees agree, by means of the application, that and to whom they reshare. **To deal to a committee is to
//!    trust it**: a trustee that deals to a committee of strangers, or to one with threshold 1, gives its share away.
//! 2. Each deals ([`VerifiedShare::deal`]), publishes the dealing, and sends the sub-shares over channels that are
//!    confidential, authentic and forward-secret. This module has no channel.
//! 3. The new trustees check dealings as they come ([`Sharing::verify_dealing`]), and their sub-shares
//!    ([`VerifiedDealing::fits`]).
//! 4. All agree on t dealings without complaint (in the order of a log that all read, say), compute the next state, and
//!    each new trustee its share ([`Resharing::share`]), which it stores before it confirms.
//! 5. **When all new trustees confirmed, and not before, everybody erases old share and sub-shares**, in memory and
//!    in storage, backups included. Dealing does not consume a share, so whatever fails on the way, the old
//!    state works.
//!
//! # Who is to blame
//!
//! * A dealing with a bad signature blames nobody: anybody can make it ([`DealingError::Signature`]).
//! * A signed dealing of a trustee for this state whose first commitment is not its image proves to everybody that this
//!   trustee cheated ([`DealingError::Image`]). So do two dealings of one trustee in one set, if the application allows
//!   only one ([`ResharingError::Duplicate`]).
//! * Sub-shares are not signed: a signed one could be shown, and would be a secret that is shown.
//!   [`ShareError::SubShares`] names the dealers of whom no sub-share fits. It counts for nothing that somebody sent garbage
//!   in a dealer's name, as long as the genuine one is there too. Whether the dealer sent it is known to who knows the channel,
//!   and **to third parties it is one's word against the other's**: dealer and trustee can both lie. The way on is another
//!   set of dealings, without the dealer or without the trustee. A dealer may also answer a complaint by publishing
//!   the sub-share, which anyone checks with [`VerifiedDealing::fits`]; that costs the secrecy of this one.
//!
//! # What it protects
//!
//! * Fewer than t shares of one state say nothing about γ beyond V1, and fewer than t trustees can neither
//!   contribute for others nor stop m − t + 1 honest ones from knowing which dealings are good.
//! * **An attacker that moves**: shares of different rounds lie on polynomials that have only γ in common, so they do
//!   not combine. Whoever holds fewer than t shares in each round, and as many as you like in all, knows nothing. A
//!   trustee that is broken into while it reshares counts for both rounds.
//!
//! # What it does not protect
//!
//! * The owner, who dealt, knows everything, as it does anyway.
//! * **t trustees together can read everything, now and later, and nobody notices.** Who may ask for an emergency, and
//!   what it leaves behind, is a matter of the grants; these bind those who stick to the protocol.
//! * **t shares of one round are γ for ever.** Resharing does not take them back: it helps only if at most t − 1
//!   trustees fail to erase. Only a new γ takes γ back.
//! * A share travels as sub-shares. Whoever records the channel and breaks it later has the share.
//! * There can be several states after one: two sets of dealings give two. Each is sound by itself, shares of
//!   one do not fit the other, and which one counts is for the application to say. A verifier that
//!   must not accept an old state keeps the highest round that it saw. The same goes for two dealings of the owner.
//! * Availability: without t trustees that kept their shares there is no emergency access. The owner can deal again.
//! * That a party is one party: whoever has several names in a committee has several shares.
//!
//! Shares are of one generation of the owner's key. When it rotates, the owner deals anew.
//!
//! # Cost
//!
//! In multiplications in G1, for a new committee of m with threshold t and old threshold s:
//!
//! | operation | cost |
//! |---|---|
//! | deal | t fixed base, 1 signature |
//! | check of a dealing | 1 signature |
//! | check of a sub-share | 1 fixed base, t by at most 8 bits |
//! | reshare | t sums of s terms, mt by at most 8 bits |
//! | share | s + 1 fixed base, st by at most 8 bits |
//!
//! # Example
//!
//! ```
//! use sesphr::context::Partition;
//! use sesphr::identity::SigningKey;
//! use sesphr::kac::trustees::{Committee, Sharing, SharingChain, deal};
//! use sesphr::kac::{ClassGrid, Kac, KeyAggregate, Params, params::unwatched};
//! use sesphr::kem::OwnerRoot;
//!
//! let rng = &mut getrandom::SysRng;
//! let owner = SigningKey::try_generate(rng)?;
//! let grid = ClassGrid::new(&[Partition::MEDICAL], 1)?;
//! let params = Params::generate(grid.classes(), &owner, rng, unwatched)?;
//! let root = OwnerRoot::try_generate(rng)?;
//! let (secret, cert) = Kac::keygen(&params, &grid, &root, &owner, None, rng)?;
//! let generation = Kac::verify_owner(&params, &cert, &owner.id(), None)?;
//!
//! // The owner shares its key among three trustees, of whom two will be needed.
//! let [ann, bob, eve] = [SigningKey::try_generate(rng)?, SigningKey::try_generate(rng)?, SigningKey::try_generate(rng)?];
//! let committee = Committee::new(2, &[ann.id(), bob.id(), eve.id()])?;
//! let (dealing, sub_shares) = deal(&secret, &owner, &committee, rng)?;
//! // Everybody sees the dealing; each trustee gets its sub-share over a confidential channel.
//! let start = Sharing::of_owner(&generation);
//! let first = start.reshare(&[start.verify_dealing(&dealing)?])?;
//! let of_ann = first.share(&ann.id(), &sub_shares[..1])?;
//! let of_bob = first.share(&bob.id(), &sub_shares[1..2])?;
//!
//! // Eve leaves. Ann and Bob are enough to share anew, with Dan in her place.
//! let dan = SigningKey::try_generate(rng)?;
//! let committee = Committee::new(2, &[ann.id(), bob.id(), dan.id()])?;
//! let (by_ann, mut from_ann) = of_ann.deal(&ann, &committee, rng)?;
//! let (by_bob, mut from_bob) = of_bob.deal(&bob, &committee, rng)?;
//! let state = first.sharing();
//! let second = state.reshare(&[state.verify_dealing(&by_ann)?, state.verify_dealing(&by_bob)?])?;
//! let of_dan = second.share(&dan.id(), &[from_ann.remove(2), from_bob.remove(2)])?;
//! assert_eq!(of_dan.sharing().round(), 2);
//!
//! // Whoever missed it all checks the whole story from the owner's key on.
//! let mut chain = SharingChain::new(dealing);
//! chain.push([by_ann, by_bob]);
//! assert_eq!(&chain.verify(&generation)?, second.sharing());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod chain;
mod committee;
mod dealing;
mod error;
mod share;
mod sharing;
#[cfg(test)]
mod tests;

pub use chain::SharingChain;
pub use committee::Committee;
pub use dealing::{Dealing, SubShare, deal};
pub use error::{ChainError, CommitteeError, DealError, DealingError, ResharingError, ShareError};
pub use share::{Share, VerifiedShare};
pub(crate) use sharing::weights;
pub use sharing::{Resharing, Sharing, VerifiedDealing};
