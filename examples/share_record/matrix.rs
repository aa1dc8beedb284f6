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

/// Who pool everything they have: keys, grants, answers, and with the server among them every delegation that it ever
/// got, whatever the patient has taken back since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pool {
    ServerPharmacist,
    ServerSecondDoctor,
    InsurerResearcher,
    SecondDoctorPharmacist,
    ServerInsurerResearcher,
    ServerCloudStranger,
}

impl Pool {
    pub(crate) const ALL: [Self; 6] = [
        Self::ServerPharmacist,
        Self::ServerSecondDoctor,
        Self::InsurerResearcher,
        Self::SecondDoctorPharmacist,
        Self::ServerInsurerResearcher,
        Self::ServerCloudStranger,
    ];

    pub(crate) fn members(self) -> &'static [Who] {
        match self {
            Self::ServerPharmacist => &[Who::Server, Who::Pharmacist],
            Self::ServerSecondDoctor => &[Who::Server, Who::SecondDoctor],
            Self::InsurerResearcher => &[Who::Insurer, Who::Researcher],
            Self::SecondDoctorPharmacist => &[Who::SecondDoctor, Who::Pharmacist],
            Self::ServerInsurerResearcher => &[Who::Server, Who::Insurer, Who::Researcher],
            Self::ServerCloudStranger => &[Who::Server, Who::Cloud, Who::Stranger],
        }
    }

    pub(crate) fn name(self) -> String {
        self.members().iter().map(|who| who.name()).collect::<Vec<_>>().join(" + ")
    }
}

/// One question: may `who` read this version of this partition at this moment?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell<W = Who> {
    pub(crate) moment: Moment,
    pub(crate) who: W,
    pub(crate) partition: Partition,
    pub(crate) version: u64,
}

/// The answers.
pub(crate) type Matrix<W = Who> = BTreeMap<Cell<W>, bool>;

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

/// What the pools read, written in the same way: the union of what each was granted, and no more.
const EXPECTED_TOGETHER: [(Pool, [&str; 3]); 6] = [
    // After the departure the two still reach what was the pharmacist's, and nothing that was written since.
    (Pool::ServerPharmacist, ["- - - r", "-- -- -- rr", "--- --- --- rr-"]),
    // Nor does the server's help open what was written before the second doctor joined.
    (Pool::ServerSecondDoctor, ["- - - -", "-r -r -- -r", "-rr -rr --- -rr"]),
    (Pool::InsurerResearcher, ["- r r -", "-- rr rr --", "--- rrr rrr ---"]),
    // With an honest server, who has left adds nothing.
    (Pool::SecondDoctorPharmacist, ["- - - r", "-r -r -- rr", "-rr -rr --- -rr"]),
    (Pool::ServerInsurerResearcher, ["- r r -", "-- rr rr --", "--- rrr rrr ---"]),
    (Pool::ServerCloudStranger, ["- - - -", "-- -- -- --", "--- --- --- ---"]),
];

/// Who reads what, alone and together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) alone: Matrix,
    pub(crate) together: Matrix<Pool>,
}

/// What the story has to end with.
pub(crate) fn tables() -> Tables {
    Tables { alone: expected(), together: table(EXPECTED_TOGETHER) }
}

/// The matrix of those who try alone.
pub(crate) fn expected() -> Matrix {
    table(EXPECTED)
}

fn table<W: Copy + Ord, const N: usize>(rows: [(W, [&str; 3]); N]) -> Matrix<W> {
    let mut matrix = Matrix::new();
    for (who, moments) in rows {
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
pub(crate) fn marks<W: Copy + Ord>(matrix: &Matrix<W>, moment: Moment, who: W, partition: Partition) -> String {
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

    fn is_complete<W: Copy + Ord + std::fmt::Debug, const N: usize>(rows: [(W, [&str; 3]); N], all: [W; N]) {
        let matrix = table(rows);
        assert_eq!(matrix.len(), N * 4 * (1 + 2 + 3));
        for ((who, moments), row) in rows.into_iter().zip(all) {
            assert_eq!(who, row);
            for (moment, written) in Moment::ALL.into_iter().zip(moments) {
                let back = Partition::SESPHR.map(|partition| marks(&matrix, moment, who, partition));
                assert_eq!(back.join(" "), written);
            }
        }
    }

    #[test]
    fn the_tables_are_complete() {
        is_complete(EXPECTED, Who::ALL);
        is_complete(EXPECTED_TOGETHER, Pool::ALL);
    }

    /// Whoever pools reads what one of them reads, or read with the server's help before it was taken back.
    #[test]
    fn a_pool_reads_the_union() {
        let Tables { alone, together } = tables();
        for (cell, read) in &together {
            let Cell { moment, who: pool, partition, version } = *cell;
            let once = |who: &Who| {
                let at = |moment| alone.get(&Cell { moment, who: *who, partition, version }) == Some(&true);
                let server = pool.members().contains(&Who::Server);
                at(moment) || (server && Moment::ALL.into_iter().filter(|earlier| *earlier < moment).any(at))
            };
            assert_eq!(*read, pool.members().iter().any(once), "{cell:?}");
        }
    }
}
