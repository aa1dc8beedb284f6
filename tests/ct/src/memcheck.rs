//! Requests to valgrind's memcheck, and how to mark parts of objects whose fields are private.
//!
//! A request is six machine words whose address is in `rax`, behind a sequence of rotations that does nothing on a
//! processor and that valgrind recognises.
#![allow(unsafe_code)]

use core::{mem, ptr, slice};

const MAKE_UNDEFINED: usize = 0x4d43_0001;
const MAKE_DEFINED: usize = 0x4d43_0002;
const GET_VBITS: usize = 0x4d43_0008;
const RUNNING_ON_VALGRIND: usize = 0x1001;

#[cfg(target_arch = "x86_64")]
fn request(code: usize, a: usize, b: usize, c: usize) -> usize {
    let words = [code, a, b, c, 0, 0];
    let mut result = 0usize;
    // SAFETY: the rotations add up to 128 bits, so `rdi` is as it was; `words` outlives the request; without valgrind
    // nothing happens. The default options let it read and write memory and flags.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") words.as_ptr(),
            inout("rdx") result,
        );
    }
    result
}

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the request sequence is written for x86-64");

/// Whether valgrind runs this process.
pub fn running() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0, 0) != 0
}

/// From here on these bytes are secret.
pub fn poison(bytes: &mut [u8]) {
    request(MAKE_UNDEFINED, bytes.as_mut_ptr() as usize, bytes.len(), 0);
}

/// From here on these bytes are public.
pub fn declassify_bytes(bytes: &[u8]) {
    request(MAKE_DEFINED, bytes.as_ptr() as usize, bytes.len(), 0);
}

/// Whether any bit of these bytes is still secret, without a report.
pub fn is_secret(bytes: &[u8]) -> bool {
    let mut bits = vec![0u8; bytes.len()];
    let known = request(GET_VBITS, bytes.as_ptr() as usize, bits.as_mut_ptr() as usize, bytes.len()) == 1;
    known && bits.iter().any(|b| *b != 0)
}

/// The protocol publishes this object. What it holds on the heap keeps its state.
pub fn declassify<T>(mut object: T) -> T {
    request(MAKE_DEFINED, ptr::from_mut(&mut object) as usize, mem::size_of::<T>(), 0);
    object
}

/// The object's memory, to be searched while nothing in it is poisoned. Padding counts as defined from here on.
fn memory<T>(object: &T) -> &[u8] {
    let (at, len) = (ptr::from_ref(object), mem::size_of::<T>());
    request(MAKE_DEFINED, at as usize, len, 0);
    // SAFETY: the object is alive and this long. Its padding is not initialised; the request that went before tells
    // valgrind to take it as it is, and what is found there is compared with 32 bytes or more of a known value.
    unsafe { slice::from_raw_parts(at.cast(), len) }
}

/// The bytes of an object as it lies in memory.
pub fn image<T>(object: &T) -> Vec<u8> {
    memory(object).to_vec()
}

/// A text of ASCII, whose characters are secret if it says so; its length is not.
pub fn text(clear: &str, secret: bool) -> String {
    assert!(clear.is_ascii());
    let mut bytes = core::hint::black_box(clear.as_bytes().to_vec());
    if secret {
        poison(&mut bytes);
    }
    // SAFETY: they are those of a text. To check it would be to look at them.
    unsafe { String::from_utf8_unchecked(bytes) }
}

fn find(memory: &[u8], image: &[u8]) -> Vec<usize> {
    (0..=memory.len().saturating_sub(image.len())).filter(|&at| memory[at..].starts_with(image)).collect()
}

/// Marks the places in `object` that hold the bytes of `secrets` as secret.
///
/// # Panics
/// If one of them is not there: then the object changed, and this program tests nothing until it is told how.
pub fn poison_fields<T>(object: &mut T, secrets: &[&[u8]]) {
    let places: Vec<_> = secrets
        .iter()
        .map(|secret| {
            let places = find(memory(object), secret);
            assert!(!places.is_empty(), "the secret is not where it was");
            (places, secret.len())
        })
        .collect();
    for (places, len) in places {
        for at in places {
            request(MAKE_UNDEFINED, ptr::from_mut(object) as usize + at, len, 0);
        }
    }
}

/// Marks all of `object` as secret but the places that hold the bytes of `publics`.
///
/// # Panics
/// As [`poison_fields`].
pub fn poison_except<T>(object: &mut T, publics: &[&[u8]]) {
    let places: Vec<_> = publics
        .iter()
        .map(|public| {
            let places = find(memory(object), public);
            assert!(!places.is_empty(), "the public part is not where it was");
            (places, public.len())
        })
        .collect();
    request(MAKE_UNDEFINED, ptr::from_mut(object) as usize, mem::size_of::<T>(), 0);
    for (places, len) in places {
        for at in places {
            request(MAKE_DEFINED, ptr::from_mut(object) as usize + at, len, 0);
        }
    }
}
