//! The jobs of a team as Rust knows them: who may touch what, and when.

use std::{ptr, slice};

use super::seats::{Call, Prepare, nothing};
use super::{Phases, Team};

impl Team {
    /// Runs `f` on every part, on as many threads as are free; returns when all are done.
    ///
    /// Panics if there are more parts than threads, or when `f` does.
    pub fn run<P: Send, F: Fn(&mut P) + Sync>(&mut self, parts: &mut [P], f: F) {
        let phases = Phases { parts: parts.len(), phases: 1, by_turns: false };
        let run = Run { parts: parts.as_mut_ptr(), f };
        // SAFETY: `call_run` expects a `Run` of as many parts, which lives until `perform` returns; from here
        // on the parts are used through its pointer alone. Any thread may: parts are `Send`, and `f` is `Sync`.
        unsafe { self.perform(phases, (nothing, call_run::<P, F>), ptr::from_ref(&run).cast()) };
    }

    /// Takes turns, `rounds` times: in the first half of a round each part writes what is its in `firsts`,
    /// and reads all `seconds`; in the second half it is the other way round. `seconds` are cut into a run for each part,
    /// which ends at the part's number of `ends`. What a part keeps in `own` it may use all the time.
    ///
    /// `prepare(half round, own)` is called once before each half round, as soon as the part is done with the one
    /// before, and so needs nothing of others; when all is over it may have been called for one more. `first(round,
    /// own, its first, all seconds)` and `second(round, own, all firsts, its seconds)` return whether to go on.
    ///
    /// Errors with the number of the half round (from 0) after which it did not go on.
    ///
    /// Panics if there are more parts than threads, not as many `own` as `firsts` and `ends`, if the ends are not in
    /// order or the last is not that of `seconds`, if there are more rounds than a team can count, or when a function
    /// does.
    pub fn alternate<O: Send, A: Send + Sync, B: Send + Sync>(
        &mut self,
        rounds: usize,
        (own, firsts): (&mut [O], &mut [A]),
        (seconds, ends): (&mut [B], &[usize]),
        prepare: impl Fn(usize, &mut O) + Sync,
        first: impl Fn(usize, &mut O, &mut A, &[B]) -> bool + Sync,
        second: impl Fn(usize, &mut O, &[A], &mut [B]) -> bool + Sync,
    ) -> Result<(), usize> {
        let (parts, halves) =
            (own.len(), rounds.checked_mul(2).expect("rounds that can be counted"));
        assert_eq!((firsts.len(), ends.len()), (parts, parts), "what parts write");
        assert!(ends.is_sorted(), "ends in order: {ends:?}");
        assert_eq!(ends.last().copied().unwrap_or(0), seconds.len(), "the last end");
        let turns = Turns {
            own: own.as_mut_ptr(),
            firsts: (firsts.as_mut_ptr(), parts),
            seconds: (seconds.as_mut_ptr(), seconds.len()),
            ends,
            prepare,
            first,
            second,
        };
        let phases = Phases { parts, phases: halves, by_turns: true };
        let (calls, data) = (calls_of(&turns), ptr::from_ref(&turns).cast());
        // SAFETY: the calls expect the `Turns` of as many parts, which live until `perform` returns; from here on
        // the slices are used through their pointers alone. Any thread may: what parts own is `Send`, what others read
        // of them too `Sync`, and so are the functions.
        let stopped = unsafe { self.perform(phases, calls, data) };
        stopped.map_or(Ok(()), Err)
    }

    /// Exchanges what parts write, `rounds` times: in a round each part writes its run of `written[round % 2]`, and reads all
    /// runs of the round before (in the first, what is there). Runs are equal, in the order of the parts. What a part keeps in
    /// `own` it may use all the time.
    ///
    /// `prepare(round, own)` is called once before each round, as [`alternate`](Self::alternate) does before each half.
    /// `work(round, own, all that was written before, its run to write)` returns whether to go on.
    ///
    /// Errors with the number of the round (from 0) after which it did not go on.
    ///
    /// Panics if there are more parts than threads, either of `written` does not make as many equal runs, if there are more
    /// rounds than a team can count, or when a function does.
    pub fn exchange<O: Send, B: Send + Sync>(
        &mut self,
        rounds: usize,
        own: &mut [O],
        written: [&mut [B]; 2],
        prepare: impl Fn(usize, &mut O) + Sync,
        work: impl Fn(usize, &mut O, &[B], &mut [B]) -> bool + Sync,
    ) -> Result<(), usize> {
        let parts = own.len();
        let run = written[0].len().checked_div(parts).unwrap_or(0);
        assert_eq!(written.each_ref().map(|all| all.len()), [parts * run; 2], "runs of {parts}");
        let written = written.map(<[B]>::as_mut_ptr);
        let job = Rounds { own: own.as_mut_ptr(), written, parts, run, prepare, work };
        let phases = Phases { parts, phases: rounds, by_turns: false };
        let (calls, data) = (calls_of_rounds(&job), ptr::from_ref(&job).cast());
        // SAFETY: the calls expect the `Rounds` of as many parts, which live until `perform` returns; from here on the
        // slices are used through their pointers alone. Any thread may: what parts own is `Send`, what others read of them
        // too `Sync`, and so are the functions.
        let stopped = unsafe { self.perform(phases, calls, data) };
        stopped.map_or(Ok(()), Err)
    }
}

/// What [`Team::exchange`] is asked for.
struct Rounds<O, B, P, F> {
    own: *mut O,
    /// Of each parity `parts` runs of so many.
    written: [*mut B; 2],
    parts: usize,
    run: usize,
    prepare: P,
    work: F,
}

/// The functions that prepare such a round of a part, and do it.
fn calls_of_rounds<O, B, P, F>(_: &Rounds<O, B, P, F>) -> (Prepare, Call)
where
    P: Fn(usize, &mut O),
    F: Fn(usize, &mut O, &[B], &mut [B]) -> bool,
{
    /// # Safety
    ///
    /// `data` points to a `Rounds<O, B, P, F>` that has part `index`. During the call, none is made for the same part.
    unsafe fn prepare<O, B, P: Fn(usize, &mut O), F>(data: *const (), round: usize, index: usize) {
        // SAFETY: the caller promises what `data` is.
        let rounds = unsafe { &*data.cast::<Rounds<O, B, P, F>>() };
        // SAFETY: the part exists, and no other call uses what it owns.
        (rounds.prepare)(round, unsafe { at(rounds.own, index) });
    }

    /// # Safety
    ///
    /// `data` points to a `Rounds<O, B, P, F>` that has part `index`. During the call, another is made for no other
    /// `round`, nor one of either kind for the same part.
    unsafe fn work<O, B, P, F>(data: *const (), round: usize, index: usize) -> bool
    where
        F: Fn(usize, &mut O, &[B], &mut [B]) -> bool,
    {
        // SAFETY: the caller promises what `data` is.
        let rounds = unsafe { &*data.cast::<Rounds<O, B, P, F>>() };
        // SAFETY: the part exists, and in this round no other call uses what it owns.
        let own = unsafe { at(rounds.own, index) };
        let &Rounds { written, parts, run, .. } = rounds;
        // SAFETY: one of the two slices that the rounds were made of, of `parts` runs, to which nobody writes in this round.
        let before = unsafe { slice::from_raw_parts(written[(round + 1) % 2], parts * run) };
        // SAFETY: run `index` of `parts` is within the other slice.
        let of_part = unsafe { written[round % 2].add(index * run) };
        // SAFETY: as many elements as a run has, which are this part's alone in this round.
        let new = unsafe { slice::from_raw_parts_mut(of_part, run) };
        (rounds.work)(round, own, before, new)
    }
    (prepare::<O, B, P, F>, work::<O, B, P, F>)
}

/// Element `index` of the slice that begins with `first`.
///
/// # Safety
///
/// There is one, which nobody else uses during `'a`.
unsafe fn at<'a, T>(first: *mut T, index: usize) -> &'a mut T {
    // SAFETY: the caller promises that the slice has it.
    let element = unsafe { first.add(index) };
    // SAFETY: the caller promises that nobody else uses it.
    unsafe { &mut *element }
}

/// What [`Team::run`] is asked for.
struct Run<P, F> {
    parts: *mut P,
    f: F,
}

/// Works on part `index`.
///
/// # Safety
///
/// `data` points to a `Run<P, F>` that has part `index`, which nobody else uses during the call.
unsafe fn call_run<P, F: Fn(&mut P)>(data: *const (), _: usize, index: usize) -> bool {
    // SAFETY: the caller promises what `data` is.
    let Run { parts, f } = unsafe { &*data.cast::<Run<P, F>>() };
    // SAFETY: the caller promises that the part exists and is this call's alone.
    f(unsafe { at(*parts, index) });
    true
}

/// What [`Team::alternate`] is asked for: what parts write as begin and length.
struct Turns<'a, O, A, B, P, F, G> {
    own: *mut O,
    firsts: (*mut A, usize),
    seconds: (*mut B, usize),
    /// In order, as many as parts; the last is the length.
    ends: &'a [usize],
    prepare: P,
    first: F,
    second: G,
}

/// The functions that prepare half a round of a part of such turns, and do it.
fn calls_of<O, A, B, P, F, G>(_: &Turns<'_, O, A, B, P, F, G>) -> (Prepare, Call)
where
    P: Fn(usize, &mut O),
    F: Fn(usize, &mut O, &mut A, &[B]) -> bool,
    G: Fn(usize, &mut O, &[A], &mut [B]) -> bool,
{
    /// # Safety
    ///
    /// `data` points to a `Turns<O, A, B, P, F, G>` that has part `index`. During the call, none is made for the
    /// same part.
    unsafe fn prepare<O, A, B, P, F, G>(data: *const (), half: usize, index: usize)
    where
        P: Fn(usize, &mut O),
    {
        // SAFETY: the caller promises what `data` is.
        let turns = unsafe { &*data.cast::<Turns<'_, O, A, B, P, F, G>>() };
        // SAFETY: the part exists, and no other call uses what it owns.
        (turns.prepare)(half, unsafe { at(turns.own, index) });
    }

    /// # Safety
    ///
    /// `data` points to a `Turns<O, A, B, P, F, G>` that has part `index`. During the call, another is made for no
    /// other `half`, nor one of either kind for the same part.
    unsafe fn call<O, A, B, P, F, G>(data: *const (), half: usize, index: usize) -> bool
    where
        F: Fn(usize, &mut O, &mut A, &[B]) -> bool,
        G: Fn(usize, &mut O, &[A], &mut [B]) -> bool,
    {
        // SAFETY: the caller promises what `data` is.
        let turns = unsafe { &*data.cast::<Turns<'_, O, A, B, P, F, G>>() };
        // SAFETY: the part exists, and in this half no other call uses what it owns.
        let own = unsafe { at(turns.own, index) };
        let (firsts, seconds) = (turns.firsts, turns.seconds);
        if half.is_multiple_of(2) {
            // SAFETY: the part exists; first halves use each its own first alone.
            let first = unsafe { at(firsts.0, index) };
            // SAFETY: the slice that the turns were made of, to which first halves do not write.
            let seconds = unsafe { slice::from_raw_parts(seconds.0, seconds.1) };
            return (turns.first)(half / 2, own, first, seconds);
        }
        // SAFETY: the slice that the turns were made of, to which second halves do not write.
        let firsts = unsafe { slice::from_raw_parts(firsts.0, firsts.1) };
        let begin = index.checked_sub(1).map_or(0, |before| turns.ends[before]);
        let len = turns.ends[index] - begin;
        // SAFETY: `begin` is within the slice, since the ends are in order and the last is its length.
        let of_part = unsafe { seconds.0.add(begin) };
        // SAFETY: a run of the slice that ends within it, as above, and is this part's alone in second halves.
        let seconds = unsafe { slice::from_raw_parts_mut(of_part, len) };
        (turns.second)(half / 2, own, firsts, seconds)
    }
    (prepare::<O, A, B, P, F, G>, call::<O, A, B, P, F, G>)
}
