//! Where in an owner's hierarchy of providers somebody stands: hospital, department, physician.

use alloc::vec::Vec;
use core::fmt;

use super::{MAX_SCOPE, PathError};
use crate::encoding::{Reader, Sink, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, Hasher, label};
use crate::identity::PartyId;

/// A party, and which generation of its key.
///
/// A generation is counted by whoever is above: the owner for a hospital, the hospital for its departments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Who.
    pub party: PartyId,
    /// The number of its key.
    pub generation: u32,
}

impl Step {
    /// Encoded length.
    pub(crate) const LEN: usize = 36;

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.party.as_bytes());
        sink.put(&self.generation.to_be_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { party: PartyId::from_array(reader.array()?), generation: reader.u32()? })
    }
}

/// The way from the owner down to a provider, at least one and at most [`MAX_DEPTH`](Self::MAX_DEPTH) steps.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    /// The deepest hierarchy: hospital, clinic, department, physician.
    pub const MAX_DEPTH: usize = 4;

    /// A provider directly below the owner.
    #[must_use]
    pub fn new(step: Step) -> Self {
        Self(Vec::from([step]))
    }

    /// Somebody below this one.
    ///
    /// # Errors
    /// [`PathError::Depth`].
    pub fn child(&self, step: Step) -> Result<Self, PathError> {
        if self.0.len() >= Self::MAX_DEPTH {
            return Err(PathError::Depth);
        }
        Ok(Self(self.0.iter().copied().chain([step]).collect()))
    }

    /// Who is above; `None` directly below the owner.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        (!above.is_empty()).then(|| Self(above.to_vec()))
    }

    /// Who is directly below the owner on the way.
    pub(super) fn top(&self) -> Self {
        Self(self.0.iter().take(1).copied().collect())
    }

    /// The generation of its first step.
    pub(super) fn generation(&self) -> u32 {
        self.0.first().map_or(0, |step| step.generation)
    }

    /// The same way under another generation of its first step.
    pub(super) fn of_generation(&self, generation: u32) -> Self {
        let mut steps = self.0.clone();
        steps.iter_mut().take(1).for_each(|step| step.generation = generation);
        Self(steps)
    }

    /// The steps from the top, at least one.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The last step: who it leads to.
    #[must_use]
    pub fn last(&self) -> Step {
        // There is always one.
        self.0.last().copied().unwrap_or(Step { party: PartyId::from_array([0; 32]), generation: 0 })
    }

    /// The parties without their generations.
    pub fn parties(&self) -> impl ExactSizeIterator<Item = PartyId> + '_ {
        self.0.iter().map(|step| step.party)
    }

    /// Each step with the way to who is above it, from the top.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = (Option<Self>, Step)> + '_ {
        self.0.iter().enumerate().map(|(depth, step)| {
            let above = self.0.get(..depth).unwrap_or_default();
            ((!above.is_empty()).then(|| Self(above.to_vec())), *step)
        })
    }

    /// Whether it leads to or through `other`, whatever the generations.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.len() >= other.0.len() && self.parties().zip(other.parties()).all(|(a, b)| a == b)
    }

    /// Whether it leads to the same party in the same place, whatever the generations.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.is_within(other)
    }

    /// The name of the path, generations included.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(label::SEARCH_PATH);
        self.write(&mut hasher);
        hasher.digest()
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        // At most four.
        sink.put(&[self.0.len() as u8]);
        self.0.iter().for_each(|step| step.write(sink));
    }

    /// Reads a path, or `None` for the owner, who is written as no steps at all.
    pub(crate) fn read_optional(reader: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        let [depth] = reader.array()?;
        let depth = usize::from(depth);
        if depth > Self::MAX_DEPTH {
            return Err(DecodeError::Length);
        }
        let steps: Vec<_> = (0..depth).map(|_| Step::read(reader)).collect::<Result<_, _>>()?;
        Ok((!steps.is_empty()).then_some(Self(steps)))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::read_optional(reader)?.ok_or(DecodeError::Value)
    }

    /// How many steps, from the top, it shares with another.
    fn shared(&self, other: Option<&Self>) -> usize {
        let other = other.map_or(&[][..], Self::steps);
        self.0.iter().zip(other).take_while(|(a, b)| a == b).count()
    }

    /// Writes a path of a list in ascending order without the steps that it shares with the one before: departments of one
    /// hospital take one step each. The first byte has the depth, and in its upper half how many are left out.
    pub(super) fn write_after(&self, last: Option<&Self>, sink: &mut dyn Sink) {
        let shared = self.shared(last);
        sink.put(&[self.0.len() as u8 | (shared as u8) << 4]);
        self.0.iter().skip(shared).for_each(|step| step.write(sink));
    }

    pub(super) fn read_after(last: Option<&Self>, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [byte] = reader.array()?;
        let (depth, shared) = (usize::from(byte & 0xf), usize::from(byte >> 4));
        let above = last.and_then(|last| last.0.get(..shared)).or((shared == 0).then_some(&[]));
        let mut steps = above.ok_or(DecodeError::Value)?.to_vec();
        if depth > Self::MAX_DEPTH || shared >= depth {
            return Err(DecodeError::Value);
        }
        for _ in shared..depth {
            steps.push(Step::read(reader)?);
        }
        let path = Self(steps);
        // A list has one encoding.
        let next = last.is_none_or(|last| *last < path) && path.shared(last) == shared;
        if next { Ok(path) } else { Err(DecodeError::Value) }
    }

    pub(crate) fn write_optional(path: Option<&Self>, sink: &mut dyn Sink) {
        match path {
            Some(path) => path.write(sink),
            None => sink.put(&[0]),
        }
    }
}

/// Writes a scope.
pub(super) fn write_scope(scope: &[Path], sink: &mut dyn Sink) {
    put_count(sink, scope.len());
    scope.iter().for_each(|path| path.write(sink));
}

/// Reads at most [`MAX_SCOPE`] paths in ascending order without repetition, at least one.
pub(super) fn read_scope(reader: &mut Reader<'_>) -> Result<Vec<Path>, DecodeError> {
    // Depth and one step.
    let count = reader.count(MAX_SCOPE, 37)?;
    let scope = (0..count).map(|_| Path::read(reader)).collect::<Result<Vec<_>, _>>()?;
    if scope.is_empty() || !scope.is_sorted_by(|a, b| a < b) { Err(DecodeError::Value) } else { Ok(scope) }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|step| (step.party, step.generation))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(party: u8, generation: u32) -> Step {
        Step { party: PartyId::from_array([party; 32]), generation }
    }

    #[test]
    fn four_steps_and_no_more() {
        let mut path = Path::new(step(1, 0));
        assert_eq!(path.parent(), None);
        for depth in 2..=4 {
            let parent = path.clone();
            path = path.child(step(depth, 0)).unwrap();
            assert_eq!((path.parent(), path.last()), (Some(parent), step(depth, 0)));
        }
        assert_eq!(path.child(step(5, 0)), Err(PathError::Depth));
        let mut bytes = Vec::new();
        path.write(&mut bytes);
        assert_eq!(Path::read(&mut Reader::new(&bytes)), Ok(path));
        bytes[0] = 5;
        bytes.extend([0; 36]);
        assert_eq!(Path::read(&mut Reader::new(&bytes)), Err(DecodeError::Length));
        assert_eq!(Path::read(&mut Reader::new(&[0])), Err(DecodeError::Value));
        assert_eq!(Path::read(&mut Reader::new(&[1])), Err(DecodeError::Truncated));
    }

    #[test]
    fn a_list_leaves_out_what_is_shared_and_has_one_encoding() {
        let (a, b) = (Path::new(step(1, 0)), Path::new(step(2, 0)));
        let ward = |party| a.child(step(party, 0)).unwrap();
        let list = [a.clone(), ward(3), ward(4), ward(4).child(step(5, 0)).unwrap(), b.clone()];
        let mut bytes = Vec::new();
        let mut last = None;
        for path in &list {
            path.write_after(last, &mut bytes);
            last = Some(path);
        }
        assert_eq!(bytes.len(), 5 * 37);
        let mut reader = Reader::new(&bytes);
        let mut read: Vec<Path> = Vec::new();
        for _ in &list {
            read.push(Path::read_after(read.last(), &mut reader).unwrap());
        }
        assert_eq!(read, list);
        let again = |last: Option<&Path>, head: u8, steps: &[Step]| {
            let mut bytes = Vec::from([head]);
            steps.iter().for_each(|step| step.write(&mut bytes));
            Path::read_after(last, &mut Reader::new(&bytes))
        };
        assert_eq!(again(Some(&a), 0x12, &[step(3, 0)]), Ok(ward(3)));
        // More than there is, nothing new, what could be left out, what is not after it, none, too deep.
        assert_eq!(again(None, 0x12, &[step(3, 0)]), Err(DecodeError::Value));
        assert_eq!(again(Some(&a), 0x23, &[step(3, 0)]), Err(DecodeError::Value));
        assert_eq!(again(Some(&ward(3)), 0x11, &[]), Err(DecodeError::Value));
        assert_eq!(again(Some(&a), 0x02, &[step(1, 0), step(3, 0)]), Err(DecodeError::Value));
        assert_eq!(again(Some(&ward(4)), 0x12, &[step(3, 0)]), Err(DecodeError::Value));
        assert_eq!(again(Some(&a), 0x01, &[step(1, 0)]), Err(DecodeError::Value));
        assert_eq!(again(None, 0x00, &[]), Err(DecodeError::Value));
        assert_eq!(again(None, 0x05, &[step(1, 0); 5]), Err(DecodeError::Value));
        assert_eq!(again(None, 0x02, &[step(1, 0)]), Err(DecodeError::Truncated));
    }

    #[test]
    fn places_forget_generations_and_names_do_not() {
        let hospital = Path::new(step(1, 0));
        let ward = hospital.child(step(2, 3)).unwrap();
        let later = Path::new(step(1, 1)).child(step(2, 4)).unwrap();
        assert!(ward.same_place(&later) && ward.is_within(&hospital) && ward.is_within(&Path::new(step(1, 7))));
        assert!(!hospital.is_within(&ward) && !hospital.same_place(&ward) && !ward.is_within(&Path::new(step(2, 3))));
        assert_ne!(ward.digest(), later.digest());
    }
}
