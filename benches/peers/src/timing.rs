//! All cases in turns, so that whatever the machine does meanwhile is done to all of them.

use peers_bench::case::{Case, Floor, MODES};
use peers_bench::load::{BATCH, Load, time};
use peers_bench::quartiles::Quartiles;
use peers_bench::runtime::within;

/// Nanoseconds a call, round by round, for each case and mode.
pub(crate) struct Times(Vec<[Vec<f64>; MODES.len()]>);

impl Times {
    /// Calls every case in every mode, `rounds` times so many batches.
    pub(crate) fn take(cases: &[Case], rounds: u32, batches: u32) -> Self {
        within(|| {
            let mut loads: Vec<[Option<Box<dyn Load>>; MODES.len()]> = cases
                .iter()
                .map(|case| std::array::from_fn(|mode| Some(case.loads[mode].as_ref()?())))
                .collect();
            let mut times: Vec<[Vec<f64>; MODES.len()]> = cases
                .iter()
                .map(|_| <[Vec<f64>; MODES.len()]>::default())
                .collect();
            // The first round warms up.
            for round in 0..=rounds {
                for (loads, times) in loads.iter_mut().zip(&mut times) {
                    for (load, times) in loads.iter_mut().zip(times) {
                        let Some(load) = load else { continue };
                        let took = time(&mut **load, batches).as_secs_f64() * 1e9;
                        if round > 0 {
                            times.push(took / f64::from(batches * BATCH));
                        }
                    }
                }
            }
            Self(times)
        })
    }

    /// What reading the clock takes, in nanoseconds.
    pub(crate) fn clock(&self) -> Quartiles {
        Quartiles::of(self.0[0][0].clone())
    }

    /// What a case takes over its floor, in readings of the clock: each round by its own.
    pub(crate) fn added(&self, cases: &[Case], at: usize, mode: usize) -> Option<Quartiles> {
        let times = &self.0[at][mode];
        if times.is_empty() {
            return None;
        }
        let floor = floor_of(cases, at);
        let added = times.iter().enumerate().map(|(round, took)| {
            let floor = floor.map_or(0.0, |floor| self.0[floor][mode][round]);
            (took - floor) / self.0[0][0][round]
        });
        Some(Quartiles::of(added.collect()))
    }
}

/// Finds the case that is subtracted from another one.
pub(crate) fn floor_of(cases: &[Case], at: usize) -> Option<usize> {
    let by = match cases[at].floor {
        Floor::None => return None,
        Floor::Bare => "no layer",
        Floor::BareFromPeer => "with an address",
        Floor::Middleware => "reqwest-middleware",
    };
    cases
        .iter()
        .position(|case| case.work == "bare" && case.by == by)
}
