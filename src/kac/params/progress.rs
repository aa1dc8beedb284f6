//! Watching long computations: parameters of 2^16 classes take minutes on a slow machine.

use core::ops::ControlFlow;

use super::ParamsError;

/// How far a long computation has come, in points of the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Points that are done.
    pub done: u64,
    /// Points in all. It does not change while a computation runs.
    pub total: u64,
}

/// For callers who do not watch.
pub fn unwatched(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Counts and reports; what the watcher breaks off ends as [`ParamsError::Cancelled`].
pub(super) struct Meter<'a> {
    watch: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    at: Progress,
}

impl<'a> Meter<'a> {
    pub(super) fn new(total: usize, watch: &'a mut dyn FnMut(Progress) -> ControlFlow<()>) -> Self {
        Self { watch, at: Progress { done: 0, total: total as u64 } }
    }

    pub(super) fn step(&mut self, points: usize) -> Result<(), ParamsError> {
        self.at.done += points as u64;
        match (self.watch)(self.at) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ParamsError::Cancelled),
        }
    }
}
