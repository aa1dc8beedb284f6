//! Who may read what, and when: written down by hand, independent of everything that enforces it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sesphr::context::Partition;

/// Everybody in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Patient,
    Family,
    Doctor,
    SecondDoctor,
    Insurer,
    Pharmacist,
    Researcher,
    Hospital,
    Impostor,
    Stranger,
    Server,
    Cloud,
}

impl Who {
    pub(crate) const ALL: [Self; 12] = [
        Self::Patient,
        Self::Family,
        Self::Doctor,
        Self::SecondDoctor,
        Self::Insurer,
        Self::Pharmacist,
        Self::Researcher,
        Self::Hospital,
        Self::Impostor,
        Self::Stranger,
        Self::Server,
        Self::Cloud,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Family => "family",
            Self::Doctor => "doctor",
            Self::SecondDoctor => "second doctor",
            Self::Insurer => "insurer",
            Self::Pharmacist => "pharmacist",
            Self::Researcher => "researcher",
            Self::Hospital => "hospital",
            Self::Impostor => "impostor",
            Self::Stranger => "stranger",
            Self::Server => "server",
            Self::Cloud => "cloud",
        }
    }
}

/// The three moments at which everybody tries everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Granted,
    Joined,
    Left,
}

impl Moment {
    pub(crate) const ALL: [Self; 3] = [Self::Granted, Self::Joined, Self::Left];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Granted => "after the grants",
            Self::Joined => "after the second doctor joined",
            Self::Left => "after the pharmacist left",
        }
    }

    /// What has been written by then.
    pub(crate) fn versions(self) -> RangeInclusive<u64> {
        match self {
            Self::Granted => 1..=1,
            Self::Joined => 1..=2,
            Self::Left => 1..=3,
        }
    }
}

/// One question: may `who` read this version of this partition at this moment?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) moment: Moment,
    pub(crate) who: Who,
    pub(crate) partition: Partition,
    pub(crate) version: u64,
}

/// The answers.
pub(crate) type Matrix = BTreeMap<Cell, bool>;

/// Personal, medical, insurance, prescription; in each, one letter for each version that exists by then.
const EXPECTED: [(Who, [&str; 3]); 12] = [
    (Who::Patient, ["r r r r", "rr rr rr rr", "rrr rrr rrr rrr"]),
    (Who::Family, ["r r r r", "rr rr rr rr", "rrr rrr rrr rrr"]),
    (Who::Doctor, ["r r - r", "rr rr -- rr", "rrr rrr --- rrr"]),
    // Joins after the first version and never reads it.
    (Who::SecondDoctor, ["- - - -", "-r -r -- -r", "-rr -rr --- -rr"]),
    (Who::Insurer, ["- - r -", "-- -- rr --", "--- --- rrr ---"]),
    // Leaves after the second version: neither the third, nor the server's help with the first two.
    (Who::Pharmacist, ["- - - r", "-- -- -- rr", "--- --- --- ---"]),
    (Who::Researcher, ["- r - -", "-- rr -- --", "--- rrr --- ---"]),
    // Writes everything from the second version on, and still reads by its role.
    (Who::Hospital, ["- r - -", "-- rr -- --", "--- rrr --- ---"]),
    (Who::Impostor, ["- - - -", "-- -- -- --", "--- --- --- ---"]),
    (Who::Stranger, ["- - - -", "-- -- -- --", "--- --- --- ---"]),
    (Who::Server, ["- - - -", "-- -- -- --", "--- --- --- ---"]),
    (Who::Cloud, ["- - - -", "-- -- -- --", "--- --- --- ---"]),
];

/// The matrix that the story has to end with.
pub(crate) fn expected() -> Matrix {
    let mut matrix = Matrix::new();
    for (who, moments) in EXPECTED {
        for (moment, marks) in Moment::ALL.into_iter().zip(moments) {
            for (partition, marks) in Partition::SESPHR.into_iter().zip(marks.split(' ')) {
                for (version, mark) in moment.versions().zip(marks.chars()) {
                    matrix.insert(Cell { moment, who, partition, version }, mark == 'r');
                }
            }
        }
    }
    matrix
}

/// Marks of one partition, a letter for each version: `r` read, `-` refused, `?` never tried.
pub(crate) fn marks(matrix: &Matrix, moment: Moment, who: Who, partition: Partition) -> String {
    let mark = |version| match matrix.get(&Cell { moment, who, partition, version }) {
        Some(true) => 'r',
        Some(false) => '-',
        None => '?',
    };
    moment.versions().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete() {
        let matrix = expected();
        assert_eq!(matrix.len(), 12 * 4 * (1 + 2 + 3));
        for ((who, moments), row) in EXPECTED.into_iter().zip(Who::ALL) {
            assert_eq!(who, row);
            for (moment, written) in Moment::ALL.into_iter().zip(moments) {
                let back = Partition::SESPHR.map(|partition| marks(&matrix, moment, who, partition));
                assert_eq!(back.join(" "), written);
            }
        }
    }
}
