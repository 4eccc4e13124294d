//! Whether a model must be loaded, and what must be unloaded first. Pure.

use chimera_core::entry::LoadCause;
use chimera_core::option::{OptionClass, Options};
use chimera_core::sweep::ModelName;

use crate::ollama::api::Running;

/// What a slot loaded last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// The model.
    pub(crate) model: ModelName,
    /// Its load options, as asked for.
    pub(crate) options: Options,
}

impl Loaded {
    /// What a load of `model` with `options` leaves. `num_gpu: -1` is what the server takes for absent.
    pub(crate) fn new(model: &ModelName, options: &Options) -> Self {
        let mut options = options.of_class(OptionClass::Load);
        if options.integer("num_gpu") == Some(-1) {
            options.unset("num_gpu");
        }
        Self { model: model.clone(), options }
    }
}

/// What must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoadPlan {
    /// Why the model is loaded, or that it is.
    pub(super) cause: LoadCause,
    /// Models to unload first, by the server's names.
    pub(super) unload: Vec<String>,
}

/// Decides. A slot is used by one attempt at a time, so every other loaded model goes: its memory would change the
/// placement of this one. A runner whose options this slot did not set goes too: nobody knows them.
pub(super) fn plan(last: Option<&Loaded>, running: &[Running], wanted: &Loaded) -> LoadPlan {
    let is_wanted = |one: &&Running| wanted.model.matches(&one.name);
    let present = running.iter().find(is_wanted);
    let others = running.iter().filter(|one| !is_wanted(one)).map(|one| one.name.clone());
    let mut unload: Vec<String> = others.collect();
    let cause = match (present, last.filter(|last| last.model == wanted.model)) {
        (None, _) => LoadCause::NotLoaded,
        (Some(_), Some(last)) if last == wanted => LoadCause::AlreadyLoaded,
        (Some(_), Some(last)) if keeps_explicit(last, wanted) => LoadCause::AutoAfterExplicit,
        (Some(_), Some(_)) => return LoadPlan { cause: LoadCause::OptionsChanged, unload },
        (Some(_), None) => LoadCause::OptionsChanged,
    };
    if !matches!(cause, LoadCause::AlreadyLoaded | LoadCause::NotLoaded) {
        unload.extend(present.map(|one| one.name.clone()));
    }
    LoadPlan { cause, unload }
}

/// Whether an option that was set is not sent now: the server would keep the old value (docs/ollama.md, 3).
fn keeps_explicit(last: &Loaded, wanted: &Loaded) -> bool {
    last.options.iter().any(|(name, _)| wanted.options.get(name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chimera_core::option::OptionValue;

    fn loaded(options: &[(&str, i64)]) -> Loaded {
        let mut set = Options::default();
        for (name, value) in options {
            set.set(name, OptionValue::Integer(*value)).unwrap();
        }
        Loaded::new(&ModelName::new("tiny").unwrap(), &set)
    }

    fn running(names: &[&str]) -> Vec<Running> {
        let one = |name: &&str| Running {
            name: (*name).to_owned(),
            digest: None,
            size: None,
            size_vram: None,
            context_length: None,
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn every_cause_is_told() {
        let wanted = loaded(&[("num_ctx", 2048), ("top_k", 3)]);
        let here = running(&["tiny:latest"]);
        let cause = |last: Option<Loaded>, running: &[Running]| plan(last.as_ref(), running, &wanted);
        assert_eq!(cause(None, &[]).cause, LoadCause::NotLoaded);
        let same = cause(Some(loaded(&[("num_ctx", 2048), ("num_gpu", -1), ("top_k", 9)])), &here);
        assert_eq!(same, LoadPlan { cause: LoadCause::AlreadyLoaded, unload: vec![] });
        let other = cause(Some(loaded(&[("num_ctx", 4096)])), &here);
        assert_eq!(other, LoadPlan { cause: LoadCause::OptionsChanged, unload: vec![] });
        let auto = cause(Some(loaded(&[("num_ctx", 2048), ("num_gpu", 0)])), &here);
        assert_eq!(
            auto,
            LoadPlan { cause: LoadCause::AutoAfterExplicit, unload: vec!["tiny:latest".into()] }
        );
    }

    #[test]
    fn what_nobody_knows_and_what_is_in_the_way_is_unloaded() {
        let wanted = loaded(&[("num_ctx", 2048)]);
        let unknown = plan(None, &running(&["big:7b", "tiny:latest"]), &wanted);
        let both = vec!["big:7b".to_owned(), "tiny:latest".to_owned()];
        assert_eq!(unknown, LoadPlan { cause: LoadCause::OptionsChanged, unload: both });
        let gone = plan(Some(&wanted), &running(&["big:7b"]), &wanted);
        assert_eq!(gone, LoadPlan { cause: LoadCause::NotLoaded, unload: vec!["big:7b".into()] });
    }
}
