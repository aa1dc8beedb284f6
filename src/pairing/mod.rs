//! BLS12-381 behind one interface.
/// Placeholder until the facade lands.
#[derive(Debug)]
pub struct Scalar(bls12_381::Scalar);
impl Scalar {
    /// See the facade.
    pub fn from_wide(b: &[u8; 64]) -> Self {
        Self(bls12_381::Scalar::from_bytes_wide(b))
    }
}
