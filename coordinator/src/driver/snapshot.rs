//! What everybody but the driver sees: the scheduler's view, and what is known of sweeps beside it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chimera_core::id::{Name, NodeId, SweepId};
use chimera_core::node::NodeFacts;
use chimera_core::plan::{Experience, Forecast, Lesson, Plan};
use chimera_core::scheduler::view::{FleetView, NodeState, NodeView, SweepView};
use chimera_core::sweep::Sweep;
use chimera_core::unit::{Moment, UnixNanos};

use crate::store::row::SubmissionRow;

/// The fleet at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// What the scheduler shows.
    pub(crate) view: FleetView,
    /// When.
    pub(crate) at: Moment,
    /// Sweeps by id.
    pub(crate) sweeps: Arc<Sweeps>,
    /// What sealed sweeps teach.
    pub(crate) experience: Arc<Experience>,
}

/// Sweeps by id.
pub(crate) type Sweeps = BTreeMap<SweepId, Arc<SweepEntry>>;

/// A sweep with all that was fixed at its submission, and labels.
#[derive(Debug, Clone)]
pub(crate) struct SweepEntry {
    /// What was asked for.
    pub(crate) sweep: Arc<Sweep>,
    /// What is to run.
    pub(crate) plan: Arc<Plan>,
    /// The nodes that it was planned against.
    pub(crate) nodes: Vec<Arc<NodeFacts>>,
    /// What it was expected to take when it was admitted; absent for one that an older build admitted.
    pub(crate) forecast: Option<Forecast>,
    /// Wall clock at its submission.
    pub(crate) submitted: UnixNanos,
    /// Wall clock at its end.
    pub(crate) ended: Option<UnixNanos>,
    /// Folder of its sealed files, relative to the data directory.
    pub(crate) dataset: Option<String>,
}

impl Snapshot {
    /// A sweep and what is known of it.
    pub(crate) fn sweep(&self, id: &SweepId) -> Option<(&SweepView, &Arc<SweepEntry>)> {
        let view = self.view.sweeps.iter().find(|sweep| sweep.id == *id)?;
        Some((view, self.sweeps.get(id)?))
    }

    /// A node.
    pub(crate) fn node(&self, id: &NodeId) -> Option<&NodeView> {
        let position = self.view.nodes.binary_search_by(|node| node.id.cmp(id)).ok()?;
        self.view.nodes.get(position)
    }
}

/// Facts of the nodes that a sweep is planned against: all that may run something again without an operator's hand.
pub(crate) fn plannable(view: &FleetView) -> Vec<Arc<NodeFacts>> {
    let counts = |state| matches!(state, NodeState::Ready | NodeState::Disconnected | NodeState::Wedged);
    view.nodes.iter().filter(|node| counts(node.state)).map(|node| node.facts.clone()).collect()
}

/// The driver's own list of sweeps, submissions and datasets.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    sweeps: Arc<Sweeps>,
    submissions: HashMap<String, SubmissionRow>,
    imports: HashSet<SweepId>,
    experience: Arc<Experience>,
}

impl Catalog {
    pub(super) fn sweeps(&self) -> Arc<Sweeps> {
        self.sweeps.clone()
    }

    pub(super) fn experience(&self) -> Arc<Experience> {
        self.experience.clone()
    }

    pub(super) fn learn(&mut self, id: &SweepId, lessons: &[Lesson]) {
        Arc::make_mut(&mut self.experience).learn(id, lessons);
    }

    pub(super) fn get(&self, id: &SweepId) -> Option<&Arc<SweepEntry>> {
        self.sweeps.get(id)
    }

    /// Whether a sweep or an import has this name: reports are asked for by name.
    pub(super) fn is_taken(&self, id: &SweepId) -> bool {
        self.sweeps.contains_key(id) || self.imports.contains(id)
    }

    pub(super) fn add_import(&mut self, name: Name) {
        self.imports.insert(name.into());
    }

    pub(super) fn submission(&self, request_id: &str) -> Option<&SubmissionRow> {
        self.submissions.get(request_id)
    }

    pub(super) fn add_submission(&mut self, row: SubmissionRow) {
        self.submissions.insert(row.request_id.clone(), row);
    }

    pub(super) fn add_sweep(&mut self, entry: SweepEntry) {
        let id = entry.plan.sweep.clone();
        Arc::make_mut(&mut self.sweeps).insert(id, Arc::new(entry));
    }

    pub(super) fn ended(&mut self, id: &SweepId, at: UnixNanos) {
        self.change(id, |entry| entry.ended = Some(at));
    }

    pub(super) fn sealed(&mut self, id: &SweepId, folder: String) {
        self.change(id, |entry| entry.dataset = Some(folder));
    }

    fn change(&mut self, id: &SweepId, change: impl FnOnce(&mut SweepEntry)) {
        if let Some(entry) = Arc::make_mut(&mut self.sweeps).get_mut(id) {
            change(Arc::make_mut(entry));
        }
    }
}
