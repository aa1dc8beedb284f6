//! Which class stands for which partition and epoch.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use super::class_set::{ClassSet, MAX_CLASSES};
use crate::context::{Partition, Period};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;

/// Most partitions: one class each.
const MAX_PARTITIONS: usize = 1 << 16;

/// Numbers the periods of some partitions: class = (index of the partition) · epochs + epoch. Some epochs in a row of
/// one partition are one range of classes.
///
/// A class is a number in ciphertexts and keys; the grid alone says what it stands for. So a grid is fixed for ever:
/// another order of the partitions or another number of epochs gives classes another meaning, and a partition more is
/// another grid even where it relabels nothing. Whoever needs more epochs starts anew with another grid.
///
/// Encoded length: 4 + 4 + 4 + (4 + partition) bytes for each partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassGrid {
    partitions: Vec<Partition>,
    epochs: u32,
    /// The product of the two above.
    classes: u32,
}

impl ClassGrid {
    /// A grid of `partitions`, whose order counts, with epochs from 0 to `epochs` − 1 each.
    ///
    /// # Errors
    /// [`ClassGridError`]: nothing to number, a partition twice, or more than [`MAX_CLASSES`] classes.
    pub fn new(partitions: &[Partition], epochs: u32) -> Result<Self, ClassGridError> {
        if partitions.is_empty() {
            return Err(ClassGridError::NoPartitions);
        }
        if epochs == 0 {
            return Err(ClassGridError::NoEpochs);
        }
        let classes = u32::try_from(partitions.len()).ok().and_then(|rows| rows.checked_mul(epochs));
        let classes = classes.filter(|classes| *classes <= MAX_CLASSES).ok_or(ClassGridError::TooManyClasses)?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = partitions.iter().find(|partition| !seen.insert(**partition)) {
            return Err(ClassGridError::Repeated(*twice));
        }
        Ok(Self { partitions: partitions.to_vec(), epochs, classes })
    }

    /// The partitions in their order.
    pub fn partitions(&self) -> &[Partition] {
        &self.partitions
    }

    /// The number of epochs of each partition.
    pub fn epochs(&self) -> u32 {
        self.epochs
    }

    /// The number of classes: they run from 0 to one less.
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// The class of a partition and epoch; `None` if they are not in the grid. Looks through the partitions.
    pub fn class(&self, period: &Period) -> Option<u32> {
        let (row, _) = (0u32..).zip(&self.partitions).find(|(_, partition)| **partition == period.partition)?;
        // No overflow: what passes is below the number of classes.
        (period.epoch < self.epochs).then(|| row * self.epochs + period.epoch)
    }

    /// What a class stands for; `None` beyond the grid.
    pub fn period(&self, class: u32) -> Option<Period> {
        // Never a division by zero: a grid has epochs.
        let row = usize::try_from(class / self.epochs).ok()?;
        let partition = *self.partitions.get(row)?;
        Some(Period { partition, epoch: class % self.epochs })
    }

    /// The classes of a partition's epochs from one to another, both included: one range. `None` if the partition or
    /// one of the epochs is not in the grid, or if the epochs are reversed.
    pub fn range(&self, partition: &Partition, epochs: RangeInclusive<u32>) -> Option<ClassSet> {
        // A range that was iterated to its end is empty, though its bounds may not show it.
        if epochs.is_empty() {
            return None;
        }
        let class = |epoch: &u32| self.class(&Period { partition: *partition, epoch: *epoch });
        ClassSet::range(class(epochs.start())?..=class(epochs.end())?).ok()
    }

    /// The classes of all epochs of a partition; `None` if it is not in the grid.
    pub fn partition(&self, partition: &Partition) -> Option<ClassSet> {
        self.range(partition, 0..=self.epochs - 1)
    }
}

impl Message for ClassGrid {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::CLASS_GRID;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.epochs.to_be_bytes());
        put_count(sink, self.partitions.len());
        self.partitions.iter().for_each(|partition| partition.write(sink));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let epochs = reader.u32()?;
        // A partition takes its length and one character at least.
        let count = reader.count(MAX_PARTITIONS, 5)?;
        let partitions: Result<Vec<_>, _> = (0..count).map(|_| Partition::read(reader)).collect();
        Self::new(&partitions?, epochs).map_err(|_| DecodeError::Value)
    }
}

public_encoding!(ClassGrid);

/// Why there is no such grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassGridError {
    /// There are no partitions.
    NoPartitions,
    /// There are no epochs.
    NoEpochs,
    /// A partition is listed twice.
    Repeated(Partition),
    /// There would be more than [`MAX_CLASSES`] classes.
    TooManyClasses,
}

impl fmt::Display for ClassGridError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPartitions => f.write_str("a grid needs partitions"),
            Self::NoEpochs => f.write_str("a grid needs epochs"),
            Self::Repeated(partition) => write!(f, "partition {partition} is listed twice"),
            Self::TooManyClasses => write!(f, "a grid has at most {MAX_CLASSES} classes"),
        }
    }
}

impl core::error::Error for ClassGridError {}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;
    use crate::encoding::Encoding;

    fn labels(n: u32) -> Vec<Partition> {
        (0..n).map(|i| Partition::new(&format!("p{i}")).unwrap()).collect()
    }

    /// Message bytes of a grid that may not exist.
    fn message(epochs: u32, count: u32, partitions: &[Partition]) -> Vec<u8> {
        let mut bytes = [&[1, 2, 0, 0x45][..], &epochs.to_be_bytes(), &count.to_be_bytes()].concat();
        partitions.iter().for_each(|partition| partition.write(&mut bytes));
        bytes
    }

    #[test]
    fn rows_of_epochs() {
        let grid = ClassGrid::new(&Partition::SESPHR, 12).unwrap();
        let medical = |epoch| Period { partition: Partition::MEDICAL, epoch };
        assert_eq!((grid.partitions(), grid.epochs(), grid.classes()), (&Partition::SESPHR[..], 12, 48));
        assert_eq!([0, 11, 12, u32::MAX].map(|epoch| grid.class(&medical(epoch))), [Some(12), Some(23), None, None]);
        assert_eq!([12, 23].map(|class| grid.period(class)), [0, 11].map(|epoch| Some(medical(epoch))));
        assert_eq!([48, u32::MAX].map(|class| grid.period(class)), [None, None]);
        let dental = Partition::new("dental").unwrap();
        assert_eq!(grid.class(&Period { partition: dental, epoch: 0 }), None);
        let range = |partition: &Partition, epochs| grid.range(partition, epochs).map(|set| set.to_string());
        assert_eq!(range(&Partition::MEDICAL, 3..=5).unwrap(), "15-17");
        assert_eq!(range(&Partition::MEDICAL, 11..=11).unwrap(), "23");
        #[allow(clippy::reversed_empty_ranges)]
        let outside = [3..=12, 12..=12, 0..=u32::MAX, 5..=4];
        assert!(outside.into_iter().all(|epochs| range(&Partition::MEDICAL, epochs).is_none()));
        let mut exhausted = 3..=5;
        assert_eq!(exhausted.by_ref().count(), 3);
        assert_eq!(range(&Partition::MEDICAL, exhausted), None);
        assert_eq!((range(&dental, 0..=0), grid.partition(&dental)), (None, None));
        assert_eq!(grid.partition(&Partition::PRESCRIPTION).unwrap().to_string(), "36-47");
    }

    #[test]
    fn grids_that_do_not_exist() {
        use ClassGridError::{NoEpochs, NoPartitions, Repeated, TooManyClasses};
        let (medical, most) = (Partition::MEDICAL, MAX_CLASSES);
        assert_eq!(ClassGrid::new(&[], 1), Err(NoPartitions));
        assert_eq!(ClassGrid::new(&[medical], 0), Err(NoEpochs));
        assert_eq!(ClassGrid::new(&[medical, Partition::PERSONAL, medical], 1), Err(Repeated(medical)));
        assert_eq!(ClassGrid::new(&[medical], most).unwrap().classes(), most);
        assert_eq!(ClassGrid::new(&labels(4), most / 4).unwrap().period(most - 1).unwrap().epoch, most / 4 - 1);
        for (rows, epochs) in [(1, most + 1), (1, u32::MAX), (3, most / 3 + 1), (4, 1 << 30), (most / 2 + 1, 2)] {
            assert_eq!(ClassGrid::new(&labels(rows), epochs), Err(TooManyClasses), "{rows} × {epochs}");
        }
    }

    #[test]
    fn encodings_of_no_grid() {
        let two = labels(2);
        let grid = ClassGrid::new(&two, 3).unwrap();
        assert_eq!(grid.to_bytes(), message(3, 2, &two));
        let decode =
            |epochs, count, partitions: &[Partition]| ClassGrid::from_bytes(&message(epochs, count, partitions));
        assert_eq!(decode(3, 2, &two), Ok(grid));
        assert_eq!(decode(0, 2, &two), Err(DecodeError::Value));
        assert_eq!(decode(3, 0, &[]), Err(DecodeError::Value));
        assert_eq!(decode(3, 2, &[two[0], two[0]]), Err(DecodeError::Value));
        assert_eq!(decode(MAX_CLASSES / 2 + 1, 2, &two), Err(DecodeError::Value));
        assert_eq!(decode(1 << 31, 2, &two), Err(DecodeError::Value));
        assert_eq!(decode(1, MAX_CLASSES, &two), Err(DecodeError::Truncated));
        assert_eq!(decode(1, MAX_CLASSES + 1, &two), Err(DecodeError::Length));
    }

    #[test]
    fn as_many_partitions_as_fit() {
        let grid = ClassGrid::new(&labels(MAX_CLASSES), 1).unwrap();
        assert_eq!((grid.classes(), grid.partitions().len()), (MAX_CLASSES, MAX_PARTITIONS));
        assert_eq!(ClassGrid::from_bytes(&grid.to_bytes()), Ok(grid));
    }

    proptest! {
        #[test]
        fn classes_and_periods_are_inverse(rows in 1..9u32, epochs in 1..40u32) {
            let grid = ClassGrid::new(&labels(rows), epochs).unwrap();
            let mut periods = BTreeSet::new();
            for class in 0..grid.classes() {
                let period = grid.period(class).unwrap();
                prop_assert!(periods.insert(period));
                prop_assert_eq!(grid.class(&period), Some(class));
            }
            prop_assert_eq!(grid.period(grid.classes()), None);
            prop_assert_eq!(ClassGrid::from_bytes(&grid.to_bytes()), Ok(grid));
        }

        #[test]
        fn a_range_is_exactly_its_periods(
            rows in 1..6u32,
            epochs in 1..30u32,
            row in any::<prop::sample::Index>(),
            ends in (0..32u32, 0..32u32),
        ) {
            let grid = ClassGrid::new(&labels(rows), epochs).unwrap();
            let partition = *row.get(grid.partitions());
            let wanted = ends.0..=ends.1;
            let Some(set) = grid.range(&partition, wanted.clone()) else {
                prop_assert!(wanted.is_empty() || ends.1 >= epochs);
                return Ok(());
            };
            prop_assert_eq!(set.ranges().len(), 1);
            for class in 0..grid.classes() {
                let period = grid.period(class).unwrap();
                prop_assert_eq!(set.contains(class), period.partition == partition && wanted.contains(&period.epoch));
            }
            prop_assert!(!wanted.is_empty() && set.last() < Some(grid.classes()));
        }

        #[test]
        fn partitions_share_no_class(rows in 1..9u32, epochs in 1..40u32) {
            let grid = ClassGrid::new(&labels(rows), epochs).unwrap();
            let sets: Vec<_> = grid.partitions().iter().map(|partition| grid.partition(partition).unwrap()).collect();
            for (i, a) in sets.iter().enumerate() {
                prop_assert_eq!(a.count(), epochs);
                prop_assert!(sets.iter().skip(i + 1).all(|b| a.is_disjoint_from(b)));
            }
            let all = sets.iter().fold(ClassSet::empty(), |all, set| all.union(set));
            prop_assert_eq!(all.count(), grid.classes());
        }
    }
}
