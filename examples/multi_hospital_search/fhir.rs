//! The observations of the story, as FHIR R4 has them.

use serde_json::Value;
use sesphr::context::RecordId;

use crate::common::StoryError;

/// A synthetic bundle: three hospitals, two of them with departments, and what they measured.
const BUNDLE: &str = include_str!("../data/hba1c-observations.json");

/// A hospital or a department.
pub(crate) struct Organization {
    pub(crate) reference: String,
    pub(crate) name: String,
    pub(crate) part_of: Option<String>,
}

/// One measurement.
pub(crate) struct Observation {
    pub(crate) record: RecordId,
    pub(crate) performer: String,
    pub(crate) at: String,
    pub(crate) value: String,
    /// The resource as it is sealed.
    pub(crate) text: String,
}

/// The text at a place of a resource.
pub(crate) fn text(resource: &Value, place: &str) -> Result<String, StoryError> {
    let value = resource.pointer(place).ok_or("a field is missing")?;
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// What the bundle contains.
pub(crate) fn read() -> Result<(Vec<Organization>, Vec<Observation>), StoryError> {
    let bundle: Value = serde_json::from_str(BUNDLE)?;
    let (mut organizations, mut observations) = (Vec::new(), Vec::new());
    for entry in bundle.pointer("/entry").and_then(Value::as_array).ok_or("no bundle")? {
        let resource = entry.pointer("/resource").ok_or("no resource")?;
        match text(resource, "/resourceType")?.as_str() {
            "Organization" => organizations.push(Organization {
                reference: text(entry, "/fullUrl")?,
                name: text(resource, "/name")?,
                part_of: text(resource, "/partOf/reference").ok(),
            }),
            "Observation" => observations.push(Observation {
                record: record(&text(resource, "/id")?)?,
                performer: text(resource, "/performer/0/reference")?,
                at: text(resource, "/effectiveDateTime")?,
                value: text(resource, "/valueQuantity/value")?,
                text: resource.to_string(),
            }),
            _ => return Err("another resource".into()),
        }
    }
    Ok((organizations, observations))
}

/// The id of a resource, a UUID, is that of its record.
fn record(id: &str) -> Result<RecordId, StoryError> {
    let digits: Vec<u8> = id.bytes().filter(|byte| *byte != b'-').collect();
    let text = std::str::from_utf8(&digits)?;
    Ok(RecordId::from_array(u128::from_str_radix(text, 16)?.to_be_bytes()))
}
