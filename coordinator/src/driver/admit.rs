//! Admission of a sweep: its request id, its name, its plan.

use std::sync::Arc;

use chimera_core::id::{NAME_MAX, Name, SweepId};
use chimera_core::plan::{Forecast, Plan};
use chimera_core::scheduler::event::Event;
use chimera_core::seed::Seed;
use chimera_proto::convert::Beside;

use super::Driver;
use super::request::{Step, Submit, SubmitError, Then};
use super::snapshot::{SweepEntry, plannable};
use crate::store::row::SubmissionRow;

/// Most numbers tried behind a name that is taken.
const SUFFIX_MAX: u32 = 100_000;

impl Driver {
    /// The event that admits a sweep; none when the submission was answered at once.
    pub(super) fn admit(&mut self, submit: Submit) -> Option<Step> {
        match self.judge(&submit) {
            Ok(Verdict::Known(entry)) => {
                drop(submit.reply.send(Ok(entry)));
                None
            }
            Ok(Verdict::New(plan, beside)) => {
                let Submit { sweep, spec_digest, request_id, reply, .. } = submit;
                let row = SubmissionRow { request_id, sweep: plan.sweep.clone(), spec_digest };
                tracing::info!(sweep = %plan.sweep, trials = plan.trials.len(), "a sweep is admitted");
                let event = Event::SweepSubmitted { sweep, plan: Arc::new(plan) };
                Some(Step { beside: *beside, then: Then::Admitted { row, reply }, ..Step::bare(event) })
            }
            Err(error) => {
                drop(submit.reply.send(Err(error)));
                None
            }
        }
    }

    fn judge(&self, submit: &Submit) -> Result<Verdict, SubmitError> {
        if let Some(former) = self.catalog.submission(&submit.request_id) {
            let entry = self.catalog.get(&former.sweep).filter(|_| former.spec_digest == submit.spec_digest);
            let reused = || SubmitError::RequestIdReused {
                request_id: submit.request_id.clone(),
                sweep: former.sweep.clone(),
            };
            return entry.cloned().map(Verdict::Known).ok_or_else(reused);
        }
        let view = self.scheduler.view();
        let running = view.sweeps.iter().filter(|sweep| !sweep.state.ended()).count();
        if running >= self.running_sweeps_max {
            return Err(SubmitError::TooManySweeps { running });
        }
        let id = free_name(&submit.sweep.name, |id| self.catalog.is_taken(id))?;
        let seed = submit.sweep.seed.unwrap_or(Seed(submit.drawn_seed));
        let nodes = plannable(&view);
        let plan = Plan::expand(id, &submit.sweep, seed, &nodes)?;
        plan.admissible(&nodes)?;
        let experience = self.catalog.experience();
        let forecast = Forecast::of(&plan, &submit.sweep, nodes.iter().map(Arc::as_ref), &experience);
        Ok(Verdict::New(plan, Box::new(Beside { nodes, forecast: Some(forecast) })))
    }
}

enum Verdict {
    Known(Arc<SweepEntry>),
    New(Plan, Box<Beside>),
}

/// The wished name, else the first free one of `name-2`, `name-3` and so on, cut so that it stays a name.
pub(crate) fn free_name(wish: &Name, taken: impl Fn(&SweepId) -> bool) -> Result<SweepId, SubmitError> {
    let first = SweepId::from(wish.clone());
    if !taken(&first) {
        return Ok(first);
    }
    let numbered = |number: u32| {
        let suffix = format!("-{number}");
        let kept = wish.as_str().len().min(NAME_MAX - suffix.len());
        let base = wish.as_str().get(..kept)?.trim_end_matches('-');
        SweepId::new(&format!("{base}{suffix}")).ok()
    };
    (2..=SUFFIX_MAX)
        .filter_map(numbered)
        .find(|id| !taken(id))
        .ok_or_else(|| SubmitError::NoName { wish: wish.as_str().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number_and_stays_a_name() {
        let wish = Name::new("night").unwrap();
        assert_eq!(free_name(&wish, |_| false).unwrap().as_str(), "night");
        let taken = |id: &SweepId| ["night", "night-2"].contains(&id.as_str());
        assert_eq!(free_name(&wish, taken).unwrap().as_str(), "night-3");
        let long = Name::new(&"x".repeat(NAME_MAX)).unwrap();
        let id =
            free_name(&long, |id| id.as_str().len() == NAME_MAX && !id.as_str().ends_with("-2")).unwrap();
        assert_eq!(id.as_str(), format!("{}-2", "x".repeat(NAME_MAX - 2)));
    }
}
