//! What changes as members come and go, and its form on paper.

use alloc::collections::{BTreeMap, BTreeSet};
use core::fmt;

use crate::context::{Partition, Period, Timestamp};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed};
use crate::pre::threshold::Servers;
use crate::pre::{GrantId, LiveSet};
use crate::role::Role;
use crate::sharing::directory::{read_author, write_author};
use crate::sharing::search::AllSpaces;
use crate::sharing::{
    AccessPolicy, AdmissionRule, Author, BundleError, KeyBundle, OwnerError, SharingScheme, VerifiedBundle,
};

/// A grant that a member has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Issued {
    pub(super) id: GrantId,
    pub(super) not_after: Timestamp,
}

impl Issued {
    /// What a member should have got after its certificate or key had run out: it gets it when it is renewed.
    pub(super) const NONE: Self = Self { id: GrantId::from_array([0; 16]), not_after: Timestamp(0) };
}

/// `K` is the member's checked key, or nothing as long as the state is a message.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Member<S: SharingScheme, K> {
    pub(super) key: K,
    pub(super) bundle: Signed<KeyBundle<S>>,
    pub(super) role: Role,
    /// End of the role certificate.
    pub(super) until: Timestamp,
    pub(super) partitions: BTreeSet<Partition>,
    /// The grant of each period, by the generation of keys that it is under: while stored records are updated there are
    /// two. A grant may cover several periods, and one that is taken back is taken back for all of them.
    pub(super) issued: BTreeMap<(u32, Period), Issued>,
    /// Partitions in which grants were taken back without a new epoch.
    pub(super) owed: BTreeSet<Partition>,
    /// Partitions in which grants were taken back without a layer around what is stored, each with the epoch that was the
    /// last one then: what was inside of these bodies, the member may have kept.
    pub(super) kept: BTreeMap<Partition, u32>,
}

/// Replaced as a whole, so that a step that fails leaves no trace.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct State<S: SharingScheme, K> {
    pub(super) version: u64,
    /// When each epoch of a partition began.
    pub(super) epochs: BTreeMap<Partition, BTreeMap<u32, Timestamp>>,
    pub(super) members: BTreeMap<PartyId, Member<S, K>>,
    pub(super) authors: BTreeMap<PartyId, Author>,
    /// Which grants are in force.
    pub(super) live: LiveSet,
    /// The name of every head of live grants that the owner signed, by version: what receipts are held against.
    pub(super) heads: BTreeMap<u64, Digest>,
    /// The rules for emergencies that are in force, and the generation of keys that they are under.
    pub(super) emergency: Option<(u32, GrantId)>,
    /// The generations of keys before the current one, where there are any.
    pub(super) chain: Option<S::OwnerPublic>,
    /// The layers around stored bodies that there may be, by generation: each around the epochs up to one.
    pub(super) layers: BTreeMap<Partition, BTreeMap<u32, u32>>,
    /// Serial and fingerprint of the latest bundle of everybody who ever was a member: nobody comes back with an
    /// older key, which may have been given up because it was stolen.
    pub(super) pins: BTreeMap<PartyId, (u64, Digest)>,
    /// Who writes and asks index values.
    pub(super) spaces: AllSpaces,
}

impl<S: SharingScheme, K> State<S, K> {
    pub(super) fn new(partitions: impl IntoIterator<Item = Partition>, now: Timestamp) -> Self {
        Self {
            version: 0,
            epochs: partitions.into_iter().map(|partition| (partition, BTreeMap::from([(0, now)]))).collect(),
            members: BTreeMap::new(),
            authors: BTreeMap::new(),
            live: LiveSet::new(),
            heads: BTreeMap::new(),
            emergency: None,
            chain: None,
            layers: BTreeMap::new(),
            pins: BTreeMap::new(),
            spaces: AllSpaces::default(),
        }
    }

    pub(super) fn partitions(&self) -> BTreeSet<Partition> {
        self.epochs.keys().copied().collect()
    }

    pub(super) fn current(&self, partition: &Partition) -> Result<Period, OwnerError> {
        let epochs = self.epochs.get(partition).ok_or(OwnerError::NoSuchPeriod)?;
        let (epoch, _) = epochs.last_key_value().ok_or(OwnerError::NoSuchPeriod)?;
        Ok(Period { partition: *partition, epoch: *epoch })
    }

    pub(super) fn roll(&mut self, partition: &Partition, now: Timestamp) -> Result<Period, OwnerError> {
        let last = self.current(partition)?;
        let epoch = last.epoch.checked_add(1).ok_or(OwnerError::Exhausted)?;
        self.epochs.entry(*partition).or_default().insert(epoch, now);
        Ok(Period { partition: *partition, epoch })
    }

    pub(super) fn pin(&mut self, bundle: &VerifiedBundle<S>) -> Result<(), OwnerError> {
        let new = (bundle.serial(), bundle.fingerprint());
        match self.pins.insert(bundle.user(), new) {
            Some(old) if new.0 <= old.0 && new != old => Err(OwnerError::Bundle(BundleError::Rollback)),
            _ => Ok(()),
        }
    }

    /// With the members' keys replaced.
    pub(super) fn try_map<L, E>(self, key: impl Fn(&PartyId, &Member<S, K>) -> Result<L, E>) -> Result<State<S, L>, E> {
        let member = |(id, member): (PartyId, Member<S, K>)| {
            let key = key(&id, &member)?;
            let Member { bundle, role, until, partitions, issued, owed, kept, .. } = member;
            Ok((id, Member { key, bundle, role, until, partitions, issued, owed, kept }))
        };
        let Self { version, epochs, members, authors, live, heads, emergency, chain, layers, pins, spaces } = self;
        let members = members.into_iter().map(member).collect::<Result<_, _>>()?;
        Ok(State { version, epochs, members, authors, live, heads, emergency, chain, layers, pins, spaces })
    }
}

impl<S: SharingScheme> State<S, S::VerifiedUser> {
    /// A copy for a change at `now`.
    pub(super) fn at(&self, now: Timestamp) -> Result<Self, OwnerError> {
        let version = self.version.checked_add(1).ok_or(OwnerError::Exhausted)?;
        let mut state = Self { version, ..self.clone() };
        // An epoch that is said to begin in the future was begun by a clock that ran ahead. Refusing to work until
        // then would keep the owner from revoking. When it really began is lost, and the safe guess is too early:
        // who joins with a date gets fewer epochs then, not more.
        for epochs in state.epochs.values_mut() {
            let mut last = Timestamp(0);
            for began in epochs.values_mut() {
                if *began > now {
                    *began = last;
                }
                last = *began;
            }
        }
        Ok(state)
    }

    /// Grants that have ended by themselves, and are listed as live still.
    pub(super) fn ended(&self, now: Timestamp) -> BTreeSet<GrantId> {
        let issued = self.members.values().flat_map(|member| member.issued.values());
        let ended = issued.filter(|issued| issued.not_after < now && self.live.contains(&issued.id));
        ended.map(|issued| issued.id).collect()
    }
}

/// The owner's state without its keys; travels as [`Signed<Membership>`](Signed). It names who may read what, so keep
/// it as private as the records.
#[derive(Clone, PartialEq, Eq)]
pub struct Membership<S: SharingScheme> {
    pub(super) state: State<S, ()>,
    pub(super) policy: AccessPolicy,
    pub(super) seconds: u64,
}

/// Most entries of each kind.
pub(super) const MAX: usize = 1 << 20;

impl<S: SharingScheme> Membership<S> {
    /// The owner's counter of directories.
    pub fn version(&self) -> u64 {
        self.state.version
    }
}

impl<S: SharingScheme> fmt::Debug for Membership<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("version", &self.state.version)
            .field("members", &self.state.members.len())
            .finish_non_exhaustive()
    }
}

fn put_all<T>(sink: &mut dyn Sink, items: impl ExactSizeIterator<Item = T>, put: impl Fn(&mut dyn Sink, T)) {
    put_count(sink, items.len());
    items.for_each(|item| put(sink, item));
}

/// Items in ascending order, each once: a set has one encoding.
fn read_map<K: Ord, V>(
    reader: &mut Reader<'_>,
    min_len: usize,
    read: impl Fn(&mut Reader<'_>) -> Result<(K, V), DecodeError>,
) -> Result<BTreeMap<K, V>, DecodeError> {
    let mut map = BTreeMap::new();
    for _ in 0..reader.count(MAX, min_len)? {
        let (key, value) = read(reader)?;
        if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(DecodeError::Value);
        }
        map.insert(key, value);
    }
    Ok(map)
}

fn read_set<K: Ord>(
    reader: &mut Reader<'_>,
    min_len: usize,
    read: impl Fn(&mut Reader<'_>) -> Result<K, DecodeError>,
) -> Result<BTreeSet<K>, DecodeError> {
    Ok(read_map(reader, min_len, |reader| Ok((read(reader)?, ())))?.into_keys().collect())
}

fn party(reader: &mut Reader<'_>) -> Result<PartyId, DecodeError> {
    reader.array().map(PartyId::from_array)
}

fn time(reader: &mut Reader<'_>) -> Result<Timestamp, DecodeError> {
    reader.u64().map(Timestamp)
}

fn role(reader: &mut Reader<'_>) -> Result<Role, DecodeError> {
    let [role] = reader.array()?;
    Role::from_byte(role)
}

impl<S: SharingScheme> Member<S, ()> {
    fn write(&self, sink: &mut dyn Sink) {
        self.bundle.write(sink);
        sink.put(&[self.role as u8]);
        sink.put(&self.until.0.to_be_bytes());
        put_all(sink, self.partitions.iter(), |sink, partition| partition.write(sink));
        put_all(sink, self.issued.iter(), |sink, ((generation, period), issued)| {
            sink.put(&generation.to_be_bytes());
            period.partition.write(sink);
            sink.put(&period.epoch.to_be_bytes());
            sink.put(issued.id.as_bytes());
            sink.put(&issued.not_after.0.to_be_bytes());
        });
        put_all(sink, self.owed.iter(), |sink, partition| partition.write(sink));
        put_all(sink, self.kept.iter(), |sink, (partition, last)| {
            partition.write(sink);
            sink.put(&last.to_be_bytes());
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: (),
            bundle: Signed::read(reader)?,
            role: role(reader)?,
            until: time(reader)?,
            partitions: read_set(reader, 5, Partition::read)?,
            issued: read_map(reader, 37, |reader| {
                let of = (reader.u32()?, Period::read(reader)?);
                Ok((of, Issued { id: GrantId::from_array(reader.array()?), not_after: time(reader)? }))
            })?,
            owed: read_set(reader, 5, Partition::read)?,
            kept: read_map(reader, 9, |reader| Ok((Partition::read(reader)?, reader.u32()?)))?,
        })
    }
}

impl<S: SharingScheme> Message for Membership<S> {
    const SUITE: SuiteId = S::SUITE;
    const KIND: Kind = kind::MEMBERSHIP;

    fn encode_body(&self, sink: &mut dyn Sink) {
        let State { version, epochs, members, authors, live, heads, emergency, chain, layers, pins, spaces } =
            &self.state;
        sink.put(&version.to_be_bytes());
        put_all(sink, epochs.iter(), |sink, (partition, epochs)| {
            partition.write(sink);
            put_all(sink, epochs.iter(), |sink, (epoch, began)| {
                sink.put(&epoch.to_be_bytes());
                sink.put(&began.0.to_be_bytes());
            });
        });
        put_all(sink, members.iter(), |sink, (id, member)| {
            sink.put(id.as_bytes());
            member.write(sink);
        });
        put_all(sink, authors.iter(), |sink, (author, standing)| write_author(sink, author, *standing));
        live.write(sink);
        put_all(sink, heads.iter(), |sink, (version, head)| {
            sink.put(&version.to_be_bytes());
            sink.put(head.as_bytes());
        });
        put_all(sink, emergency.iter(), |sink, (generation, id)| {
            sink.put(&generation.to_be_bytes());
            sink.put(id.as_bytes());
        });
        put_all(sink, chain.iter(), |sink, chain| chain.write(sink));
        put_all(sink, layers.iter(), |sink, (partition, layers)| {
            partition.write(sink);
            put_all(sink, layers.iter(), |sink, (generation, last)| {
                sink.put(&generation.to_be_bytes());
                sink.put(&last.to_be_bytes());
            });
        });
        put_all(sink, pins.iter(), |sink, (id, (serial, fingerprint))| {
            sink.put(id.as_bytes());
            sink.put(&serial.to_be_bytes());
            sink.put(fingerprint.as_bytes());
        });
        spaces.write(sink);
        put_all(sink, self.policy.access.iter(), |sink, (role, partitions)| {
            sink.put(&[*role as u8]);
            put_all(sink, partitions.iter(), |sink, partition| partition.write(sink));
        });
        put_all(sink, self.policy.issuers.iter(), |sink, (role, issuer)| {
            sink.put(&[*role as u8]);
            sink.put(issuer.as_bytes());
        });
        put_all(sink, self.policy.referrals.iter(), |sink, (role, rule)| {
            sink.put(&[*role as u8]);
            put_all(sink, rule.roles.iter(), |sink, role| sink.put(&[*role as u8]));
            put_all(sink, rule.partitions.iter(), |sink, partition| partition.write(sink));
            sink.put(&rule.seconds.to_be_bytes());
        });
        put_all(sink, self.policy.servers.iter(), |sink, servers| servers.write(sink));
        sink.put(&self.policy.grant_seconds.to_be_bytes());
        sink.put(&self.seconds.to_be_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let state = State {
            version: reader.u64()?,
            epochs: read_map(reader, 21, |reader| {
                let partition = Partition::read(reader)?;
                let epochs = read_map(reader, 12, |reader| Ok((reader.u32()?, time(reader)?)))?;
                // Every partition has a current epoch.
                if epochs.is_empty() { Err(DecodeError::Value) } else { Ok((partition, epochs)) }
            })?,
            members: read_map(reader, 200, |reader| Ok((party(reader)?, Member::read(reader)?)))?,
            authors: read_map(reader, 33, read_author)?,
            live: LiveSet::read(reader)?,
            heads: read_map(reader, 40, |reader| Ok((reader.u64()?, Digest::from_array(reader.array()?))))?,
            emergency: match reader.count(1, 20)? {
                0 => None,
                _ => Some((reader.u32()?, GrantId::from_array(reader.array()?))),
            },
            chain: match reader.count(1, 8)? {
                0 => None,
                _ => Some(S::OwnerPublic::read(reader)?),
            },
            layers: read_map(reader, 9, |reader| {
                Ok((Partition::read(reader)?, read_map(reader, 8, |reader| Ok((reader.u32()?, reader.u32()?)))?))
            })?,
            pins: read_map(reader, 72, |reader| {
                Ok((party(reader)?, (reader.u64()?, Digest::from_array(reader.array()?))))
            })?,
            spaces: AllSpaces::read(reader)?,
        };
        let policy = AccessPolicy {
            access: read_map(reader, 5, |reader| Ok((role(reader)?, read_set(reader, 5, Partition::read)?)))?,
            issuers: read_set(reader, 33, |reader| Ok((role(reader)?, party(reader)?)))?,
            referrals: read_map(reader, 17, |reader| {
                let (of, roles) = (role(reader)?, read_set(reader, 1, role)?);
                Ok((
                    of,
                    AdmissionRule { roles, partitions: read_set(reader, 5, Partition::read)?, seconds: reader.u64()? },
                ))
            })?,
            servers: match reader.count(1, 38)? {
                0 => None,
                _ => Some(Servers::read(reader)?),
            },
            grant_seconds: reader.u64()?,
        };
        Ok(Self { state, policy, seconds: reader.u64()? })
    }
}

public_encoding!(Membership<S> where [S: SharingScheme]);
