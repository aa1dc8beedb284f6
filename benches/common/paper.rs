//! The published values of SeSPHR (Ali, Abbas, Khan, Khan, *IEEE Transactions on Cloud Computing*), in seconds: Java
//! with a type A pairing (512-bit field, about 80-bit security) on an i7-2600 at 3.40 GHz. Those marked `*` stand in
//! the text; the others were read off the figures, to about 1 %.

pub const USERS: [usize; 6] = [10, 100, 500, 1_000, 5_000, 10_000];
pub const KEYGEN: [&str; 6] = ["0.6*", "0.97*", "1.13", "1.355", "1.70", "2.16*"];

pub const KB: [usize; 8] = [50, 100, 200, 500, 800, 1024, 1500, 2048];
pub const ENCRYPT: [&str; 8] = ["0.132", "0.143", "0.204", "0.388", "0.500", "0.692", "0.873", "1.292*"];
pub const DECRYPT: [&str; 8] = ["0.031", "0.039", "0.042", "0.071", "0.083", "0.161", "0.192", "0.247"];
/// Computation and network.
pub const UPLOAD: [&str; 8] = ["1.25", "1.33", "1.38", "1.45", "1.45", "1.50", "1.55", "2.50"];
/// Computation and network.
pub const DOWNLOAD: [&str; 8] = ["0.08", "0.09", "0.10", "0.20", "0.25", "0.30", "0.31", "0.40"];
