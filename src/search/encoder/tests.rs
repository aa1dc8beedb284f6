use core::ops::{Bound, RangeBounds};

use proptest::prelude::*;

use super::EncodeError as E;
use super::*;
use crate::search::value::Ask;
use crate::search::{End, Query};

fn number(value: &Value) -> u64 {
    match &value.0 {
        Plain::Number(number) => **number,
        Plain::Code(_) => panic!("a code"),
    }
}

fn encoded(encoder: &Encoder, text: &str) -> Result<u64, E> {
    encoder.parse(text).map(|value| number(&value))
}

fn again(encoder: &Encoder, text: &str) -> String {
    encoder.format(&encoder.parse(text).unwrap()).unwrap().as_str().into()
}

type Ends = (Option<u64>, Option<u64>);

fn range<'a>(encoder: &Encoder, bounds: impl RangeBounds<&'a str>) -> Result<Ends, E> {
    Query::range(encoder, bounds).map(|query| match query.0 {
        Ask::Range { lower, upper } => (lower.map(|number| *number), upper.map(|number| *number)),
        _ => panic!("not a range"),
    })
}

fn above(text: &str) -> (Bound<&str>, Bound<&str>) {
    (Bound::Excluded(text), Bound::Unbounded)
}

fn decimal(scale: u8, bits: u8) -> Encoder {
    Encoder::decimal(scale, bits).unwrap()
}

fn integer(bits: u8) -> Encoder {
    Encoder::integer(bits).unwrap()
}

const PRECISIONS: [Precision; 3] = [Precision::Hour, Precision::Minute, Precision::Second];

fn encoding(encoder: &Encoder) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.write(&mut out);
    out
}

fn read(bytes: &[u8]) -> Result<Encoder, DecodeError> {
    let mut reader = Reader::new(bytes);
    let encoder = Encoder::read(&mut reader)?;
    reader.finish()?;
    Ok(encoder)
}

#[test]
fn parameters_are_checked() {
    for bits in 0..=u8::MAX {
        let valid = matches!(bits, 4..=64) && bits % 4 == 0;
        let expected = if valid { Ok(Some(bits)) } else { Err(EncoderError::Bits) };
        assert_eq!(Encoder::integer(bits).map(|e| e.bits()), expected);
        assert_eq!(Encoder::decimal(18, bits).map(|e| e.bits()), expected);
        let decoded = if valid { Ok(Some(bits)) } else { Err(DecodeError::Value) };
        assert_eq!(read(&[4, bits]).map(|e| e.bits()), decoded);
        assert_eq!(read(&[3, 0, bits]).map(|e| e.bits()), decoded);
    }
    assert_eq!(Encoder::decimal(19, 64), Err(EncoderError::Scale));
    assert_eq!(read(&[3, 19, 64]), Err(DecodeError::Value));
    for nonsense in [&[0][..], &[6], &[2, 0], &[2, 4], &[5, 0, 0, 0, 0, 0, 0, 1, 255]] {
        assert_eq!(read(nonsense), Err(DecodeError::Value), "{nonsense:?}");
    }
    for short in [&[][..], &[2], &[3, 1], &[4], &[5, 0, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(read(short), Err(DecodeError::Truncated), "{short:?}");
    }
}

#[test]
fn each_encoder_has_its_bytes() {
    let code = Encoder::code(&[64, 3, 1, 3]).unwrap();
    let mut mask = Vec::from([5, 128]);
    mask.extend([0, 0, 0, 0, 0, 0, 5]);
    let all = [
        (Encoder::date(), Vec::from([1])),
        (Encoder::date_time(Precision::Hour), Vec::from([2, 1])),
        (Encoder::date_time(Precision::Minute), Vec::from([2, 2])),
        (Encoder::date_time(Precision::Second), Vec::from([2, 3])),
        (decimal(2, 16), Vec::from([3, 2, 16])),
        (integer(8), Vec::from([4, 8])),
        (code, mask),
    ];
    for (encoder, expected) in all {
        assert_eq!(encoding(&encoder), expected);
        assert_eq!(read(&expected), Ok(encoder));
    }
}

#[test]
fn prefixes_are_counted_and_listed() {
    let lengths = |prefixes: &[usize]| Encoder::code(prefixes).map(|e| e.prefix_lengths().collect::<Vec<_>>());
    assert_eq!(lengths(&[64, 3, 1, 3]), Ok(Vec::from([1, 3, 64])));
    assert_eq!(lengths(&[8, 7, 6, 5, 4, 3, 2, 1]), Ok((1..=8).collect()));
    assert_eq!(lengths(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), Err(EncoderError::Prefixes));
    assert_eq!(lengths(&[0]), Err(EncoderError::Prefixes));
    assert_eq!(lengths(&[65]), Err(EncoderError::Prefixes));
    let tags = |e: Encoder| (e.bits(), e.tags());
    assert_eq!(tags(Encoder::code(&[]).unwrap()), (None, 1));
    assert_eq!(tags(Encoder::code(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap()), (None, 9));
    assert_eq!(tags(Encoder::date()), (Some(24), 1));
    assert_eq!(Encoder::date().prefix_lengths().count(), 0);
    assert_eq!(PRECISIONS.map(|p| Encoder::date_time(p).bits()), [Some(28), Some(36), Some(40)]);
}

#[test]
fn dates_are_days() {
    let date = Encoder::date();
    for (text, day) in [
        ("0001-01-01", 0),
        ("0001-01-02", 1),
        ("0004-02-29", 3 * 365 + 59),
        ("1900-03-01", 693_654),
        ("1970-01-01", 719_162),
        ("2000-02-29", 730_178),
        ("2023-05-01", 738_640),
        ("9999-12-31", 3_652_058),
    ] {
        assert_eq!(encoded(&date, text), Ok(day), "{text}");
        assert_eq!(again(&date, text), text);
    }
}

#[test]
fn what_is_no_date_is_refused() {
    let date = Encoder::date();
    for (text, error) in [
        ("2023", E::Partial),
        ("2023-05", E::Partial),
        ("0000-01-01", E::Range),
        ("0000", E::Range),
        ("2023-02-29", E::Calendar),
        ("1900-02-29", E::Calendar),
        ("2023-13-01", E::Calendar),
        ("2023-13", E::Calendar),
        ("2023-00", E::Calendar),
        ("2023-01-00", E::Calendar),
        ("2023-01-32", E::Calendar),
        ("", E::Form),
        ("202", E::Form),
        ("20230501", E::Form),
        ("202305-01", E::Form),
        ("2023-0501", E::Form),
        ("2023-5-1", E::Form),
        ("2023-05-1", E::Form),
        ("2023/05/01", E::Form),
        ("2023-05/01", E::Form),
        ("2023-W18-1", E::Form),
        ("10000-01-01", E::Form),
        ("+2023-05-01", E::Form),
        ("-2023-05-01", E::Form),
        (" 2023-05-01", E::Form),
        ("2023-05-01 ", E::Form),
        ("2023-05-01Z", E::Form),
        ("2023-05-01T00:00:00Z", E::Form),
        ("２023-05-01", E::Form),
    ] {
        assert_eq!(encoded(&date, text), Err(error), "{text}");
    }
    assert_eq!(date.encode(0).map(|_| ()), Err(E::Form));
}

#[test]
fn instants_are_in_utc_and_cut_off() {
    let [hour, minute, second] = PRECISIONS.map(Encoder::date_time);
    for (text, utc) in [
        ("2023-05-01T10:00:00+02:00", "2023-05-01T08:00:00Z"),
        ("2023-05-01T00:30:00+02:00", "2023-04-30T22:30:00Z"),
        ("2022-12-31T22:00:00-05:00", "2023-01-01T03:00:00Z"),
        ("2023-01-01T05:44:59+05:45", "2022-12-31T23:59:59Z"),
        ("2024-02-28T23:00:00-02:00", "2024-02-29T01:00:00Z"),
        ("2023-05-01T00:00:00-00:00", "2023-05-01T00:00:00Z"),
        ("2023-05-01T00:00:00+14:00", "2023-04-30T10:00:00Z"),
        ("2023-05-01T00:00:00-13:59", "2023-05-01T13:59:00Z"),
        ("2015-02-07T13:28:17.239+02:00", "2015-02-07T11:28:17Z"),
        ("2015-02-07T13:28:17.999999999999Z", "2015-02-07T13:28:17Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ] {
        assert_eq!(again(&second, text), utc, "{text}");
        assert_eq!(encoded(&second, text), encoded(&second, utc));
        assert_eq!(again(&minute, text), std::format!("{}:00Z", &utc[..16]));
        assert_eq!(again(&hour, text), std::format!("{}:00:00Z", &utc[..13]));
    }
    let unix = 719_162 * 86_400;
    assert_eq!(encoded(&second, "1970-01-01T00:00:01Z"), Ok(unix + 1));
    assert_eq!(encoded(&minute, "1970-01-01T00:01:59Z"), Ok(unix / 60 + 1));
    assert_eq!(encoded(&hour, "1970-01-01T01:59:59Z"), Ok(unix / 3600 + 1));
    for encoder in [hour, minute, second] {
        let last = encoded(&encoder, "9999-12-31T23:59:59Z").unwrap();
        assert!(last < 1 << encoder.bits().unwrap());
        assert!(encoder.domain().unwrap().1 == i128::from(last));
    }
}

#[test]
fn what_is_no_instant_is_refused() {
    for encoder in PRECISIONS.map(Encoder::date_time) {
        for (text, error) in [
            ("2023", E::Partial),
            ("2023-05", E::Partial),
            ("2023-05-01", E::Partial),
            ("2023-05-01T10:00:00", E::Offset),
            ("2023-05-01T10:00:00.5", E::Offset),
            ("2016-12-31T23:59:60Z", E::LeapSecond),
            ("0001-01-01T00:00:00+00:01", E::Range),
            ("9999-12-31T23:59:59-00:01", E::Range),
            ("2023-05-01T24:00:00Z", E::Calendar),
            ("2023-05-01T10:60:00Z", E::Calendar),
            ("2023-05-01T10:00:61Z", E::Calendar),
            ("2023-05-01T24:00:60Z", E::Calendar),
            ("2023-05-01T10:60:60Z", E::Calendar),
            ("2023-02-29T10:00:00Z", E::Calendar),
            ("2023-05-01T10:00:00+14:01", E::Calendar),
            ("2023-05-01T10:00:00+15:00", E::Calendar),
            ("2023-05-01T10:00:00+02:60", E::Calendar),
            ("2023-05-0110:00:00Z", E::Form),
            ("2023-05-01T1000:00Z", E::Form),
            ("2023-05-01T10:0000Z", E::Form),
            ("2023-05-01T10:00Z", E::Form),
            ("2023-05-01T10Z", E::Form),
            ("2023-05-01t10:00:00Z", E::Form),
            ("2023-05-01 10:00:00Z", E::Form),
            ("2023-05-01T10:00:00z", E::Form),
            ("2023-05-01T10:00:00,5Z", E::Form),
            ("2023-05-01T10:00:00.Z", E::Form),
            ("2023-05-01T10:00:00+0200", E::Form),
            ("2023-05-01T10:00:00+02", E::Form),
            ("2023-05-01T10:00:00~02:00", E::Form),
            ("2023-05-01T10:00:00Z[UTC]", E::Form),
            ("2023-05-01T10-00:00Z", E::Form),
        ] {
            assert_eq!(encoded(&encoder, text), Err(error), "{text}");
        }
    }
}

#[test]
fn decimals_are_exact() {
    for (text, scale, value) in [
        ("7.5", 1, 75),
        ("7.50", 1, 75),
        ("7.5000000000000000000000000000000000000000", 1, 75),
        ("-0.3", 1, -3),
        ("-0.30", 2, -30),
        ("0", 3, 0),
        ("-0", 3, 0),
        ("-0.0e9", 3, 0),
        ("0e99999999999999999999", 3, 0),
        ("1e3", 0, 1000),
        ("1E+3", 1, 10_000),
        ("1.5e-1", 2, 15),
        ("0.00001e5", 0, 1),
        ("12345e-2", 2, 12_345),
        ("-32768", 0, -32_768),
        ("32767", 0, 32_767),
    ] {
        assert_eq!(encoded(&decimal(scale, 16), text), Ok((value + 32_768) as u64), "{text}");
    }
    let widest = decimal(18, 64);
    assert_eq!(encoded(&widest, "9.223372036854775807"), Ok(u64::MAX));
    assert_eq!(encoded(&widest, "-9.223372036854775808"), Ok(0));
    assert_eq!(again(&widest, "-9.223372036854775808"), "-9.223372036854775808");
    assert_eq!(again(&widest, "-1e-18"), "-0.000000000000000001");
    assert_eq!(again(&decimal(2, 16), "-0.3"), "-0.30");
    assert_eq!(again(&decimal(2, 16), "12.5"), "12.50");
    assert_eq!(again(&decimal(0, 16), "1e3"), "1000");
}

#[test]
fn what_is_no_decimal_is_refused() {
    for (text, error) in [
        ("7.55", E::Digits),
        ("-0.01", E::Digits),
        ("1e-2", E::Digits),
        ("1e-99999999999999999999", E::Digits),
        ("12.8", E::Range),
        ("-12.9", E::Range),
        ("1e3", E::Range),
        ("-1e99999999999999999999", E::Range),
        ("1e23", E::Range),
        ("1e24", E::Range),
        ("1e40", E::Range),
        ("123456789012345678901234567890123456789012345678901234567890", E::Range),
        ("", E::Form),
        ("-", E::Form),
        ("+7.5", E::Form),
        (".5", E::Form),
        ("7.", E::Form),
        ("7.e1", E::Form),
        ("07.5", E::Form),
        ("00", E::Form),
        ("7,5", E::Form),
        ("7.5 ", E::Form),
        ("7.5e", E::Form),
        ("7.5e+", E::Form),
        ("7.5e-", E::Form),
        ("1e1.5", E::Form),
        ("1e-+1", E::Form),
        ("0x7", E::Form),
        ("NaN", E::Form),
        ("1_0", E::Form),
    ] {
        assert_eq!(encoded(&decimal(1, 8), text), Err(error), "{text}");
    }
    assert_eq!(encoded(&decimal(1, 8), "12.7"), Ok(255));
    assert_eq!(encoded(&decimal(1, 8), "-12.8"), Ok(0));
}

#[test]
fn integers_have_two_ways_in() {
    let byte = integer(8);
    for (text, value) in [("0", 0), ("-128", -128), ("127", 127), ("+7", 7)] {
        assert_eq!(encoded(&byte, text), Ok((value + 128) as u64));
        assert_eq!(byte.encode(value).map(|v| number(&v)), Ok((value + 128) as u64));
    }
    assert_eq!(again(&byte, "-128"), "-128");
    for value in [-129, 128, i64::MIN, i64::MAX] {
        assert_eq!(byte.encode(value).map(|_| ()), Err(E::Range));
        assert_eq!(encoded(&byte, &std::format!("{value}")), Err(E::Range));
    }
    assert_eq!(integer(64).encode(i64::MIN).map(|v| number(&v)), Ok(0));
    assert_eq!(integer(64).encode(i64::MAX).map(|v| number(&v)), Ok(u64::MAX));
    assert_eq!(encoded(&integer(64), "9223372036854775808"), Err(E::Range));
    for text in ["", "-", "+", "-0", "+0", "00", "01", "7.0", "1e1", " 7", "7 ", "--7", "+-7"] {
        assert_eq!(encoded(&byte, text), Err(E::Form), "{text}");
    }
    assert_eq!(decimal(0, 8).encode(7).map(|_| ()), Err(E::Form));
}

#[test]
fn codes_are_words() {
    let code = Encoder::code(&[1, 3]).unwrap();
    for text in ["E11.9", "mm[Hg]", "a b", "~!", &"x".repeat(64)] {
        assert_eq!(again(&code, text), text);
    }
    for (text, error) in [
        ("", E::Length),
        (&*"x".repeat(65), E::Length),
        (" a", E::Form),
        ("a ", E::Form),
        (" ", E::Form),
        ("a  b", E::Form),
        ("a\tb", E::Form),
        ("a\u{7f}", E::Form),
        ("µg", E::Form),
    ] {
        assert_eq!(code.parse(text).map(|_| ()), Err(error), "{text}");
    }
    let differ = |a: &str, b: &str| code.format(&code.parse(a).unwrap()) != code.format(&code.parse(b).unwrap());
    assert!(differ("e11", "E11"));
    assert_eq!(code.encode(7).map(|_| ()), Err(E::Form));
}

#[test]
fn prefixes_have_the_lengths_of_the_encoder() {
    let code = Encoder::code(&[1, 3]).unwrap();
    let prefix = |text| {
        Query::prefix(&code, text).map(|query| match query.0 {
            Ask::Prefix(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => panic!("not a prefix"),
        })
    };
    assert_eq!(prefix("E11"), Ok("E11".into()));
    assert_eq!(prefix("an "), Ok("an ".into()));
    assert_eq!(prefix("E1"), Err(E::Prefix));
    assert_eq!(prefix(""), Err(E::Length));
    assert_eq!(prefix(" an"), Err(E::Form));
    assert_eq!(prefix("a  "), Err(E::Form));
    assert_eq!(Query::prefix(&integer(8), "7").map(|_| ()), Err(E::Query));
}

#[test]
fn values_of_others_have_no_text() {
    let (date, byte, code) = (Encoder::date(), integer(8), Encoder::code(&[]).unwrap());
    assert_eq!(date.format(&Value(Plain::Number(Zeroizing::new(3_652_058)))).unwrap().as_str(), "9999-12-31");
    assert_eq!(date.format(&Value(Plain::Number(Zeroizing::new(3_652_059)))), None);
    assert_eq!(byte.format(&Value(Plain::Number(Zeroizing::new(256)))), None);
    assert_eq!(byte.format(&code.parse("7").unwrap()), None);
    assert_eq!(code.format(&byte.parse("7").unwrap()), None);
    for nonsense in [&b"a "[..], b"", b"\xff"] {
        assert_eq!(code.format(&Value(Plain::Code(Zeroizing::new(nonsense.to_vec())))), None);
    }
}

#[test]
fn parts_of_dates_are_intervals() {
    let date = Encoder::date();
    let day = |text| Some(encoded(&date, text).unwrap());
    for (period, before, first, last, after) in [
        ("2023", "2022-12-31", "2023-01-01", "2023-12-31", "2024-01-01"),
        ("2024-02", "2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01"),
        ("2023-05-01", "2023-04-30", "2023-05-01", "2023-05-01", "2023-05-02"),
    ] {
        assert_eq!(range(&date, period..), Ok((day(first), None)));
        assert_eq!(range(&date, ..=period), Ok((None, day(last))));
        assert_eq!(range(&date, above(period)), Ok((day(after), None)));
        assert_eq!(range(&date, ..period), Ok((None, day(before))));
        assert_eq!(range(&date, period..=period), Ok((day(first), day(last))));
        assert_eq!(range(&date, period..period), Err(E::Empty));
    }
    assert_eq!(range(&date, "2023-05-01T00:00:00Z"..), Err(E::Form));
}

#[test]
fn days_are_intervals_of_instants() {
    for precision in PRECISIONS {
        let encoder = Encoder::date_time(precision);
        let at = |text| Some(encoded(&encoder, text).unwrap());
        for (period, before, first, last, after) in [
            ("2023", "2022-12-31T23:59:59Z", "2023-01-01T00:00:00Z", "2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z"),
            ("2023-02", "2023-01-31T23:59:59Z", "2023-02-01T00:00:00Z", "2023-02-28T23:59:59Z", "2023-03-01T00:00:00Z"),
            (
                "2023-05-01",
                "2023-04-30T23:59:59Z",
                "2023-05-01T00:00:00Z",
                "2023-05-01T23:59:59Z",
                "2023-05-02T00:00:00Z",
            ),
        ] {
            assert_eq!(range(&encoder, period..), Ok((at(first), None)));
            assert_eq!(range(&encoder, ..=period), Ok((None, at(last))));
            assert_eq!(range(&encoder, above(period)), Ok((at(after), None)));
            assert_eq!(range(&encoder, ..period), Ok((None, at(before))));
        }
        let (bound, unit) = ("2023-05-01T10:30:30Z", at("2023-05-01T10:30:30Z"));
        assert_eq!(range(&encoder, bound..=bound), Ok((unit, unit)));
        assert_eq!(range(&encoder, above(bound)), Ok((unit.map(|n| n + 1), None)));
        assert_eq!(range(&encoder, ..bound), Ok((None, unit.map(|n| n - 1))));
        assert_eq!(range(&encoder, "2023-05-01T10:30:30"..), Err(E::Offset));
    }
}

#[test]
fn ends_of_the_domain_are_no_bounds() {
    let date = Encoder::date();
    for all in ["0001-01-01", "0001-01", "0001"] {
        assert_eq!(range(&date, all..), Ok((None, None)), "{all}");
        assert_eq!(range(&date, ..all), Err(E::Empty));
    }
    for all in ["9999-12-31", "9999-12", "9999"] {
        assert_eq!(range(&date, ..=all), Ok((None, None)), "{all}");
        assert_eq!(range(&date, above(all)), Err(E::Empty));
    }
    assert_eq!(range(&date, ..), Ok((None, None)));
    assert_eq!(range(&date, "0001-01-02".."9999-12-31"), Ok((Some(1), Some(3_652_057))));
    let byte = decimal(1, 8);
    assert_eq!(range(&byte, "-99".."99"), Ok((None, None)));
    assert_eq!(range(&byte, "-1e400"..="1e400"), Ok((None, None)));
    assert_eq!(range(&byte, "-12.8"..="12.7"), Ok((None, None)));
    assert_eq!(range(&byte, "-12.7"..="12.6"), Ok((Some(1), Some(254))));
    assert_eq!(range(&byte, above("-12.8")), Ok((Some(1), None)));
    assert_eq!(range(&byte, "12.7"..), Ok((Some(255), None)));
    for empty in [("12.71", "99"), ("13", "12"), ("-99", "-12.81"), ("1.1", "1"), ("0.01", "0.09")] {
        assert_eq!(range(&byte, empty.0..=empty.1), Err(E::Empty), "{empty:?}");
    }
    for outside in ["0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00+14:00"] {
        assert_eq!(range(&Encoder::date_time(Precision::Second), outside..), Ok((None, None)));
    }
}

#[test]
fn other_queries() {
    let byte = integer(8);
    let point = Query::point(&byte, "7").unwrap();
    assert!(matches!(&point.0, Ask::Point(value) if number(value) == 135));
    assert_eq!(Query::point(&Encoder::date(), "2023").map(|_| ()), Err(E::Partial));
    assert_eq!(range(&Encoder::code(&[]).unwrap(), "a"..), Err(E::Query));
    assert_eq!(range(&Encoder::code(&[]).unwrap(), ..), Err(E::Query));
    assert!(matches!(Query::top(End::Greatest, 3).unwrap().0, Ask::Top(End::Greatest, 3)));
    assert_eq!(Query::top(End::Smallest, 0).map(|_| ()), Err(E::Empty));
}

/// `mantissa` / 10^digits as text.
fn text_of(mantissa: i64, digits: u8) -> String {
    let mut text = String::new();
    decimal::write(&mut text, mantissa.into(), digits).unwrap();
    text
}

proptest! {
    /// Against all values of a small domain, compared as fractions.
    #[test]
    fn bounds_are_rounded_inward(low in -200_000_i64..200_000, high in -200_000_i64..200_000, digits in 1_u8..5,
                                 first in any::<bool>(), last in any::<bool>()) {
        let encoder = decimal(1, 8);
        let (low_text, high_text) = (text_of(low, digits), text_of(high, digits));
        let lower = if first { Bound::Included(&*low_text) } else { Bound::Excluded(&*low_text) };
        let upper = if last { Bound::Included(&*high_text) } else { Bound::Excluded(&*high_text) };
        let power = 10_i64.pow(u32::from(digits) - 1);
        let within = |value: &u64| {
            let value = (*value as i64 - 128) * power;
            (low < value || (first && low == value)) && (value < high || (last && high == value))
        };
        let expected: Vec<u64> = (0..256).filter(within).collect();
        match range(&encoder, (lower, upper)) {
            Ok((lower, upper)) => {
                let found: Vec<u64> = (lower.unwrap_or(0)..=upper.unwrap_or(255)).collect();
                prop_assert_eq!(found, expected);
                prop_assert!(lower != Some(0) && upper != Some(255));
            }
            Err(error) => {
                prop_assert_eq!(error, E::Empty);
                prop_assert!(expected.is_empty());
            }
        }
    }

    #[test]
    fn order_is_kept_by_decimals(a in any::<i32>(), b in any::<i32>(), scale in 0_u8..=18, da in 0_u8..=9, db in 0_u8..=9) {
        let encoder = decimal(scale, 64);
        let value = |n: i32, digits: u8| encoded(&encoder, &text_of(n.into(), digits));
        let exact = |n: i32, digits: u8| i64::from(n) * 10_i64.pow(9 - u32::from(digits));
        if let (Ok(x), Ok(y)) = (value(a, da), value(b, db)) {
            prop_assert_eq!(x.cmp(&y), exact(a, da).cmp(&exact(b, db)));
        }
        // Whoever has fewer digits than the scale fits, as far as 64 bits go.
        if da <= scale && u32::from(scale - da) <= 9 {
            prop_assert!(value(a, da).is_ok());
        }
    }

    #[test]
    fn order_is_kept_by_integers(a in any::<i64>(), b in any::<i64>(), width in 1_u8..=16) {
        let encoder = integer(4 * width);
        let (a, b) = (a >> (64 - 4 * width), b >> (64 - 4 * width));
        let value = |n: i64| number(&encoder.encode(n).unwrap());
        prop_assert_eq!(a.cmp(&b), value(a).cmp(&value(b)));
        prop_assert_eq!(encoded(&encoder, &std::format!("{a}")), Ok(value(a)));
        prop_assert_eq!(again(&encoder, &std::format!("{a}")), std::format!("{a}"));
        prop_assert!(width == 16 || value(a) >> (4 * width) == 0);
    }

    #[test]
    fn order_is_kept_by_dates(a in (1..=9999, 1..=12, 1..=28), b in (1..=9999, 1..=12, 1..=28)) {
        let text = |(y, m, d): (i32, i32, i32)| std::format!("{y:04}-{m:02}-{d:02}");
        let value = |date| encoded(&Encoder::date(), &text(date)).unwrap();
        prop_assert_eq!(a.cmp(&b), value(a).cmp(&value(b)));
        prop_assert_eq!(again(&Encoder::date(), &text(a)), text(a));
    }

    /// Over instants, not over their texts: clocks in two zones.
    #[test]
    fn order_is_kept_by_instants(a in 0_i64..100_000_000_000, b in 0_i64..100_000_000_000, near in any::<bool>(),
                                 zones in (-14_i64..=14, -14_i64..=14)) {
        let b = if near { a + b % 100_000 } else { b };
        let text = |instant: i64, zone: i64| {
            let clock = jiff::civil::date(1, 1, 2).at(0, 0, 0, 0)
                .checked_add(jiff::SignedDuration::from_secs(instant + 3600 * zone)).unwrap();
            std::format!("{}{}{:02}:00", clock, if zone < 0 { '-' } else { '+' }, zone.abs())
        };
        for precision in PRECISIONS {
            let encoder = Encoder::date_time(precision);
            let value = |instant, zone| encoded(&encoder, &text(instant, zone)).unwrap();
            let unit = precision.seconds() as i64;
            prop_assert_eq!((a / unit).cmp(&(b / unit)), value(a, zones.0).cmp(&value(b, zones.1)));
            let canonical = again(&encoder, &text(a, zones.0));
            prop_assert_eq!(encoded(&encoder, &canonical), Ok(value(a, zones.1)));
        }
    }

    #[test]
    fn encoders_have_one_encoding(bytes in proptest::collection::vec(0_u8..70, 0..10)) {
        if let Ok(encoder) = read(&bytes) {
            prop_assert_eq!(encoding(&encoder), bytes);
        }
    }
}
