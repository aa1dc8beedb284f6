//! Reads a FHIR R4 bundle and cuts it into the four partitions of SeSPHR.
//!
//! Resources are cut out of the text, never parsed and printed again: a decimal keeps its trailing zeros (in FHIR
//! `7.10` claims more precision than `7.1`), and what a reader opens is byte for byte what the patient's software
//! wrote.
//!
//! A resource goes to one partition as a whole. Names that stand inside it — a patient's `display` in a claim, a
//! `contained` coverage in a condition — go with it; splitting elements is a matter for the writer of the bundle.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use sesphr::context::Partition;

/// A file that is larger is no patient's bundle; without a limit `/dev/zero` would fill the memory.
const MAX_BYTES: u64 = 32 << 20;

/// Longest name of a resource type. The longest in FHIR R4 has 33 letters.
const MAX_TYPE_NAME: usize = 64;

/// The partition of a resource type; `None` for a type that nobody decided about.
pub(crate) fn route(kind: &str) -> Option<Partition> {
    Some(match kind {
        "Patient" | "RelatedPerson" | "Person" => Partition::PERSONAL,
        // Who treats and where says as much about a patient as the diagnosis: a fertility clinic, an oncologist.
        "CareTeam" | "Device" | "HealthcareService" | "Location" | "Organization" | "Practitioner"
        | "PractitionerRole" => Partition::MEDICAL,
        "AdverseEvent"
        | "AllergyIntolerance"
        | "Appointment"
        | "BodyStructure"
        | "CarePlan"
        | "ClinicalImpression"
        | "Composition"
        | "Condition"
        | "DetectedIssue"
        | "DeviceRequest"
        | "DeviceUseStatement"
        | "DiagnosticReport"
        | "DocumentReference"
        | "Encounter"
        | "EpisodeOfCare"
        | "FamilyMemberHistory"
        | "Flag"
        | "Goal"
        | "ImagingStudy"
        | "Immunization"
        | "ImmunizationEvaluation"
        | "ImmunizationRecommendation"
        | "Media"
        | "NutritionOrder"
        | "Observation"
        | "Procedure"
        | "Provenance"
        | "QuestionnaireResponse"
        | "RiskAssessment"
        | "ServiceRequest"
        | "Specimen" => Partition::MEDICAL,
        "Account"
        | "ChargeItem"
        | "Claim"
        | "ClaimResponse"
        | "Coverage"
        | "CoverageEligibilityRequest"
        | "CoverageEligibilityResponse"
        | "EnrollmentRequest"
        | "EnrollmentResponse"
        | "ExplanationOfBenefit"
        | "InsurancePlan"
        | "Invoice"
        | "PaymentNotice"
        | "PaymentReconciliation" => Partition::INSURANCE,
        "Medication"
        | "MedicationAdministration"
        | "MedicationDispense"
        | "MedicationRequest"
        | "MedicationStatement" => Partition::PRESCRIPTION,
        _ => return None,
    })
}

/// A resource, in the words of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    kind: Box<str>,
    // A JSON string with its quotes; references of other resources point at it.
    full_url: Option<Box<str>>,
    json: Box<str>,
}

impl Resource {
    /// The resource type.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// Where the resource goes. An undecided type goes to the medical partition, where harm is done by the fewest
    /// readers: neither the insurer nor the pharmacy nor a contact is granted it by role.
    pub(crate) fn partition(&self) -> Partition {
        route(&self.kind).unwrap_or(Partition::MEDICAL)
    }
}

/// The resources of a bundle, in its order; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    resources: Vec<Resource>,
}

impl Bundle {
    /// All of them.
    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The four partitions in the order of [`Partition::SESPHR`], empty ones included.
    pub(crate) fn partitions(&self) -> [Part<'_>; 4] {
        Partition::SESPHR.map(|partition| Part {
            partition,
            resources: self.resources.iter().filter(|resource| resource.partition() == partition).collect(),
        })
    }

    /// The types that [`route`] does not know, with the number of their resources.
    pub(crate) fn unrouted(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for resource in self.resources.iter().filter(|resource| route(&resource.kind).is_none()) {
            *counts.entry(resource.kind()).or_default() += 1;
        }
        counts
    }
}

/// One partition of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    partition: Partition,
    resources: Vec<&'a Resource>,
}

impl<'a> Part<'a> {
    /// Which one.
    pub(crate) fn partition(&self) -> Partition {
        self.partition
    }

    /// Its resources, in the order of the bundle.
    pub(crate) fn resources(&self) -> &[&'a Resource] {
        &self.resources
    }

    /// The text to seal: a FHIR bundle of type `collection`, which [`parse`] reads again.
    ///
    /// `entry.request` stays behind: outside a transaction FHIR forbids it.
    #[cfg(test)]
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.write(String::from(r#"{"resourceType":"Bundle","type":"collection""#))
    }

    /// The same, as one of several versions: FHIR numbers them in `meta`.
    pub(crate) fn to_bytes_of(&self, version: u64) -> Vec<u8> {
        self.write(format!(r#"{{"resourceType":"Bundle","meta":{{"versionId":"{version}"}},"type":"collection""#))
    }

    fn write(&self, mut text: String) -> Vec<u8> {
        // FHIR knows no empty arrays.
        for (n, resource) in self.resources.iter().enumerate() {
            text.push_str(if n == 0 { r#","entry":[{"# } else { ",{" });
            if let Some(url) = &resource.full_url {
                text.push_str(r#""fullUrl":"#);
                text.push_str(url);
                text.push(',');
            }
            text.push_str(r#""resource":"#);
            text.push_str(&resource.json);
            text.push('}');
        }
        text.push_str(if self.resources.is_empty() { "}" } else { "]}" });
        text.into_bytes()
    }
}

/// Why there is no bundle. Every message is one line, and none repeats text of the file beyond a type's name.
#[derive(Debug)]
pub(crate) enum LoadError {
    Missing,
    Directory,
    Read(io::Error),
    TooLarge,
    Empty,
    NotUtf8 { line: usize, column: usize },
    NotJson(serde_json::Error),
    NotABundle(Cause),
    NoEntries,
    Entry { index: usize, cause: Cause },
}

/// What is wrong with an object of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    NotAnObject,
    NotAList,
    Fields,
    FullUrl,
    NoResource,
    NoType,
    NotATypeName,
    OtherType(Box<str>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("no such file"),
            Self::Directory => f.write_str("is a directory"),
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::TooLarge => write!(f, "larger than {} MiB", MAX_BYTES >> 20),
            Self::Empty => f.write_str("is empty"),
            Self::NotUtf8 { line, column } => write!(f, "not JSON: invalid UTF-8 at line {line} column {column}"),
            Self::NotJson(error) => write!(f, "not JSON: {error}"),
            Self::NotABundle(cause) => write!(f, "JSON, but not a FHIR bundle: {cause}"),
            Self::NoEntries => f.write_str("a FHIR bundle without entries"),
            Self::Entry { index, cause } => write!(f, "entry[{index}] of the bundle: {cause}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("not an object"),
            Self::NotAList => f.write_str("its entry is not a list"),
            Self::Fields => f.write_str("a field's name is repeated or malformed"),
            Self::FullUrl => f.write_str("its fullUrl is not a string"),
            Self::NoResource => f.write_str("no resource"),
            Self::NoType => f.write_str("no resourceType"),
            Self::NotATypeName => f.write_str("its resourceType is not the name of a resource type"),
            Self::OtherType(kind) => write!(f, "its resourceType is {kind}"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::NotJson(error) => Some(error),
            _ => None,
        }
    }
}

/// Reads the bundle in a file.
pub(crate) fn load(path: &Path) -> Result<Bundle, LoadError> {
    // Systems differ in whether opening or reading a directory fails, and with what.
    if path.is_dir() {
        return Err(LoadError::Directory);
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::Missing,
        _ => LoadError::Read(error),
    })?;
    parse(&read(file)?)
}

fn read(from: impl Read) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    let length = from.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(LoadError::Read)?;
    // A length that does not fit is too large as well.
    if u64::try_from(length).map_or(true, |length| length > MAX_BYTES) {
        return Err(LoadError::TooLarge);
    }
    Ok(bytes)
}

/// Reads the bundle in a text.
///
/// The whole text is checked to be JSON before anything is asked of it, so that every syntax error has a line and a
/// column of the file. The check does not recurse; no depth of nesting exhausts the stack.
pub(crate) fn parse(bytes: &[u8]) -> Result<Bundle, LoadError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line_start = good.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
        LoadError::NotUtf8 {
            line: 1 + good.iter().filter(|b| **b == b'\n').count(),
            column: 1 + good.len() - line_start,
        }
    })?;
    // Some editors start a file with a byte order mark, which JSON forbids to write and allows to ignore.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(LoadError::Empty);
    }
    let document: &RawValue = serde_json::from_str(text).map_err(LoadError::NotJson)?;

    let bundle: BundleFields<'_> = fields(document).map_err(LoadError::NotABundle)?;
    match type_name(bundle.resource_type).map_err(LoadError::NotABundle)? {
        kind if &*kind == "Bundle" => {}
        other => return Err(LoadError::NotABundle(Cause::OtherType(other))),
    }
    let entries: Vec<&RawValue> = match bundle.entry {
        Some(list) => serde_json::from_str(list.get()).map_err(|_| LoadError::NotABundle(Cause::NotAList))?,
        None => Vec::new(),
    };
    if entries.is_empty() {
        return Err(LoadError::NoEntries);
    }
    let resources = entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| resource(entry).map_err(|cause| LoadError::Entry { index, cause }))
        .collect::<Result<_, _>>()?;
    Ok(Bundle { resources })
}

fn resource(entry: &RawValue) -> Result<Resource, Cause> {
    let entry: EntryFields<'_> = fields(entry)?;
    let full_url = match entry.full_url.map(RawValue::get) {
        Some(url) if url.starts_with('"') => Some(url.into()),
        Some(_) => return Err(Cause::FullUrl),
        None => None,
    };
    let json = entry.resource.ok_or(Cause::NoResource)?;
    let ResourceFields { resource_type } = fields(json)?;
    Ok(Resource { kind: type_name(resource_type)?, full_url, json: json.get().into() })
}

// Fields are kept as text and judged one by one, which leaves serde two reasons to fail: a repeated name and a name
// that is no Unicode. A repeated `resourceType` must fail, for whoever reads the other one routes otherwise.
fn fields<'a, T: Deserialize<'a>>(object: &'a RawValue) -> Result<T, Cause> {
    // Serde takes a list for a struct as well.
    if !object.get().starts_with('{') {
        return Err(Cause::NotAnObject);
    }
    serde_json::from_str(object.get()).map_err(|_| Cause::Fields)
}

// Also keeps control characters of a hostile file off the terminal.
fn type_name(value: Option<&RawValue>) -> Result<Box<str>, Cause> {
    let name: Box<str> = serde_json::from_str(value.ok_or(Cause::NoType)?.get()).map_err(|_| Cause::NotATypeName)?;
    let well_formed = name.len() <= MAX_TYPE_NAME
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_alphabetic());
    if well_formed { Ok(name) } else { Err(Cause::NotATypeName) }
}

#[derive(Deserialize)]
struct BundleFields<'a> {
    #[serde(borrow, rename = "resourceType")]
    resource_type: Option<&'a RawValue>,
    #[serde(borrow)]
    entry: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct EntryFields<'a> {
    #[serde(borrow, rename = "fullUrl")]
    full_url: Option<&'a RawValue>,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ResourceFields<'a> {
    #[serde(borrow, rename = "resourceType")]
    resource_type: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::args::SHIPPED_BUNDLE;

    fn shipped() -> Bundle {
        load(Path::new(SHIPPED_BUNDLE)).unwrap()
    }

    fn complaint(text: impl AsRef<[u8]>) -> String {
        let message = parse(text.as_ref()).unwrap_err().to_string();
        assert!(!message.contains(char::is_control), "{message:?}");
        message
    }

    fn bundle_of(entries: &str) -> String {
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#)
    }

    #[test]
    fn what_is_no_readable_file() {
        let examples = PathBuf::from(SHIPPED_BUNDLE).parent().unwrap().to_path_buf();
        assert_eq!(load(&examples).unwrap_err().to_string(), "is a directory");
        assert_eq!(load(&examples.join("absent.json")).unwrap_err().to_string(), "no such file");
        assert_eq!(load(Path::new("")).unwrap_err().to_string(), "no such file");
        assert!(matches!(load(&Path::new(SHIPPED_BUNDLE).join("below")), Err(LoadError::Read(_) | LoadError::Missing)));
        assert!(matches!(load(Path::new("nul\0byte")), Err(LoadError::Read(_))));
        assert_eq!(read(io::repeat(b' ')).unwrap_err().to_string(), "larger than 32 MiB");
    }

    #[test]
    fn what_is_no_json() {
        for empty in ["", " \r\n\t", "\u{feff}"] {
            assert_eq!(complaint(empty), "is empty", "{empty:?}");
        }
        assert_eq!(complaint("hello"), "not JSON: expected value at line 1 column 1");
        assert_eq!(complaint("{\n  \"a\": 1,\n  b\n}"), "not JSON: key must be a string at line 3 column 3");
        assert_eq!(complaint("{\"a\": [1, 2"), "not JSON: EOF while parsing a list at line 1 column 11");
        assert_eq!(complaint("{}\n{}"), "not JSON: trailing characters at line 2 column 1");
        assert_eq!(complaint(b"{\n\"a\": \"\xff\"}"), "not JSON: invalid UTF-8 at line 2 column 7");
        assert_eq!(complaint(b"\xff\xfe{\0}\0"), "not JSON: invalid UTF-8 at line 1 column 1");
    }

    #[test]
    fn what_is_no_bundle() {
        let no = |cause: &str| format!("JSON, but not a FHIR bundle: {cause}");
        for scalar in ["1", "null", "\"Bundle\"", "1e999999999", "[]", r#"["Bundle",[{"resource":{}}]]"#] {
            assert_eq!(complaint(scalar), no("not an object"), "{scalar}");
        }
        assert_eq!(complaint("{}"), no("no resourceType"));
        assert_eq!(complaint(r#"{"resourceType":null}"#), no("no resourceType"));
        assert_eq!(complaint(r#"{"resourceType":"Patient"}"#), no("its resourceType is Patient"));
        let not_a_name = no("its resourceType is not the name of a resource type");
        for name in ["7", "[]", r#""""#, r#""bundle""#, r#""\u001b[2J""#, r#""\ud800""#, r#""A\nB""#] {
            assert_eq!(complaint(format!(r#"{{"resourceType":{name}}}"#)), not_a_name, "{name}");
        }
        assert_eq!(complaint(format!(r#"{{"resourceType":"{}"}}"#, "A".repeat(65))), not_a_name);
        let repeated = no("a field's name is repeated or malformed");
        assert_eq!(complaint(r#"{"resourceType":"Bundle","resourceType":"Bundle"}"#), repeated);
        assert_eq!(complaint(r#"{"resourceType":"Bundle","\udc00":1}"#), repeated);
        for entry in ["{}", "\"x\"", "1"] {
            let text = format!(r#"{{"resourceType":"Bundle","entry":{entry}}}"#);
            assert_eq!(complaint(text), no("its entry is not a list"), "{entry}");
        }
    }

    #[test]
    fn what_is_no_entry() {
        for text in [r#"{"resourceType":"Bundle"}"#, r#"{"resourceType":"Bundle","entry":null}"#, &bundle_of("")] {
            assert_eq!(complaint(text), "a FHIR bundle without entries");
        }
        let good = r#"{"resource":{"resourceType":"Patient"}}"#;
        for (entry, cause) in [
            ("null", "not an object"),
            ("[1]", "not an object"),
            ("{}", "no resource"),
            (r#"{"request":{"method":"DELETE","url":"Patient/1"}}"#, "no resource"),
            (r#"{"resource":null}"#, "no resource"),
            (r#"{"resource":"Patient"}"#, "not an object"),
            (r#"{"resource":["Patient"]}"#, "not an object"),
            (r#"{"resource":{}}"#, "no resourceType"),
            (r#"{"resource":{"id":"1"}}"#, "no resourceType"),
            (r#"{"resource":{"resourceType":"patient"}}"#, "its resourceType is not the name of a resource type"),
            (r#"{"fullUrl":7,"resource":{"resourceType":"Patient"}}"#, "its fullUrl is not a string"),
            (
                r#"{"resource":{"resourceType":"Coverage","resourceTyp\u0065":"Condition"}}"#,
                "a field's name is repeated or malformed",
            ),
        ] {
            let text = bundle_of(&format!("{good},{entry},{good}"));
            assert_eq!(complaint(text), format!("entry[1] of the bundle: {cause}"), "{entry}");
        }
    }

    #[test]
    fn every_type_has_its_partition() {
        for (partition, kinds) in [
            (Partition::PERSONAL, &["Patient", "RelatedPerson", "Person"][..]),
            (Partition::MEDICAL, &["Observation", "Condition", "Encounter", "Practitioner", "Organization", "Goal"]),
            (Partition::INSURANCE, &["Coverage", "Claim", "ClaimResponse", "ExplanationOfBenefit", "Account"]),
            (Partition::PRESCRIPTION, &["Medication", "MedicationRequest", "MedicationDispense"]),
        ] {
            for kind in kinds {
                assert_eq!(route(kind), Some(partition), "{kind}");
            }
        }
        for undecided in ["Basic", "Bundle", "VisionPrescription", "patient", "Patients", ""] {
            assert_eq!(route(undecided), None, "{undecided}");
        }
    }

    #[test]
    fn undecided_types_are_kept_and_counted() {
        let [one, two, three] =
            ["Basic", "Coverage", "Wish"].map(|kind| format!(r#"{{"resource":{{"resourceType":"{kind}"}}}}"#));
        let bundle = parse(bundle_of(&[&*one, &two, &three, &one].join(",")).as_bytes()).unwrap();
        assert_eq!(bundle.unrouted(), BTreeMap::from([("Basic", 2), ("Wish", 1)]));
        let counts = bundle.partitions().map(|part| part.resources().len());
        assert_eq!(counts, [0, 3, 1, 0]);
    }

    #[test]
    fn the_shipped_bundle_fills_every_partition() {
        let bundle = shipped();
        assert_eq!(bundle.unrouted(), BTreeMap::from([("Basic", 1)]));
        let parts = bundle.partitions();
        assert_eq!(parts.each_ref().map(Part::partition), Partition::SESPHR);
        assert_eq!(parts.each_ref().map(|part| part.resources().len()), [2, 24, 3, 4]);
        assert_eq!(bundle.resources().len(), 33);
    }

    #[test]
    fn a_partition_is_a_bundle_of_the_same_resources() {
        let bundle = shipped();
        for part in bundle.partitions() {
            let again = parse(&part.to_bytes()).unwrap();
            assert!(again.resources().iter().eq(part.resources().iter().copied()), "{}", part.partition());
            // Cutting it again finds nothing to move.
            let same = again.partitions().into_iter().find(|p| p.partition() == part.partition()).unwrap();
            assert_eq!(same.to_bytes(), part.to_bytes());
        }
    }

    #[test]
    fn resources_keep_their_bytes() {
        let odd = "{ \"id\" :\"1\",\n\t\"resourceType\":\"Observation\", \"v\":[7.10, 1E+2, -0.0, 0.1000000000000000055511151231257827, 123456789012345678901234567890, 1e400], \"u\":\"\\u00e9 é \\/\", \"x\":{\"a\":1,\"a\":2} }";
        let url = r#""urn:uuid:\u0030""#;
        let text = bundle_of(&format!("{{ \"fullUrl\" : {url} , \"resource\" :\r\n {odd} }}"));
        for text in [text.clone(), format!("\u{feff}\n{text}\n")] {
            let bundle = parse(text.as_bytes()).unwrap();
            let [_, medical, ..] = bundle.partitions();
            let expected = bundle_of(&format!(r#"{{"fullUrl":{url},"resource":{odd}}}"#));
            assert_eq!(String::from_utf8(medical.to_bytes()).unwrap(), expected);
        }
        // Of the shipped file, too: every resource is a piece of it.
        let file = std::fs::read_to_string(SHIPPED_BUNDLE).unwrap();
        assert!(shipped().resources().iter().all(|resource| file.contains(&*resource.json)));
        assert!(file.contains("\"value\": 7.10,"));
    }

    #[test]
    fn an_empty_partition_has_no_entry() {
        let bundle = parse(bundle_of(r#"{"resource":{"resourceType":"Patient"}}"#).as_bytes()).unwrap();
        let [personal, medical, ..] = bundle.partitions();
        assert_eq!(personal.to_bytes(), bundle_of(r#"{"resource":{"resourceType":"Patient"}}"#).as_bytes());
        assert_eq!(medical.to_bytes(), br#"{"resourceType":"Bundle","type":"collection"}"#);
        assert!(matches!(parse(&medical.to_bytes()), Err(LoadError::NoEntries)));
    }

    #[test]
    fn no_depth_exhausts_the_stack() {
        const DEPTH: usize = 1_000_000;
        let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
        assert_eq!(complaint(&deep), "JSON, but not a FHIR bundle: not an object");
        assert!(complaint("[".repeat(DEPTH)).starts_with("not JSON: EOF"));
        assert!(complaint("{\"a\":".repeat(DEPTH)).starts_with("not JSON: EOF"));
        assert!(complaint(bundle_of(&deep)).ends_with("entry[0] of the bundle: not an object"));
        let inside = format!(r#"{{"resource":{{"resourceType":"Goal","x":{deep}}}}}"#);
        let bundle = parse(bundle_of(&inside).as_bytes()).unwrap();
        let [_, medical, ..] = bundle.partitions();
        assert_eq!(medical.to_bytes(), bundle_of(&inside).as_bytes());
        let kind = format!(r#"{{"resourceType":{deep}}}"#);
        assert!(complaint(kind).ends_with("not the name of a resource type"));
    }

    proptest! {
        // One damaged byte, or an end too early: an error of one line, or a bundle that survives its own writing.
        #[test]
        fn damage_is_an_error_or_a_bundle(at in 0usize..4096, byte: u8, cut: bool) {
            let parts = shipped().partitions().map(|part| part.to_bytes());
            let [mut text, ..] = parts;
            let at = at % text.len();
            if cut { text.truncate(at) } else { text[at] = byte }
            match parse(&text) {
                Ok(bundle) => for part in bundle.partitions() {
                    if !part.resources().is_empty() {
                        prop_assert!(parse(&part.to_bytes()).unwrap().resources().iter().eq(part.resources().iter().copied()));
                    }
                },
                Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
            }
        }
    }
}
