//! What went over the wire, and what was kept of it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use chimera_core::entry::{DoneReason, LoadCause};
use chimera_core::id::Digest;
use chimera_core::outcome::GenerationOutcome;
use chimera_core::quantity::generation::GenerationQuantities;
use chimera_core::record::GenerationRecord;
use chimera_tests::figures::compare::assert_report;
use chimera_tests::http::Exchange;
use serde_json::{Value, json};

use crate::proof::{Finding, expect, prove};
use crate::stage::{BUDGET, DECODE_RATE, PERSONA, STAGE, Stage, WORDS};

/// The bodies of the chats, as they were sent.
type Sent = dyn Fn(&Stage) -> Vec<Value>;

fn sent(stage: &Stage) -> Vec<Value> {
    stage.asked()
}

/// The bodies, each changed.
fn changed(stage: &Stage, change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut bodies = stage.asked();
    bodies.iter_mut().for_each(change);
    bodies
}

fn without(object: &mut Value, key: &str) {
    object.as_object_mut().expect("an object").remove(key);
}

#[test]
fn f09_options_are_sent_as_asked_and_nothing_else() {
    fn check(sent: &Sent) -> Finding {
        let bodies = sent(&STAGE);
        let mut met = BTreeSet::new();
        for body in &bodies {
            let options = &body["options"];
            let expected = json!({
                "num_predict": BUDGET, "num_gpu": 17, "top_k": 30, "repeat_penalty": 1.15, "seed": options["seed"],
                "num_ctx": options["num_ctx"], "temperature": options["temperature"],
            });
            expect(*options == expected, format!("{options}"))?;
            met.insert(format!("{} {}", options["num_ctx"], options["temperature"]));
        }
        let cells = ["1024 0.2", "1024 0.8", "2048 0.2", "2048 0.8"].map(str::to_owned);
        expect(met == BTreeSet::from(cells), format!("cells on the wire: {met:?}"))?;
        expect(bodies.len() >= 16, format!("{} chats", bodies.len()))
    }
    let dropped = |stage: &Stage| changed(stage, |body| without(&mut body["options"], "num_gpu"));
    let defaults = |stage: &Stage| changed(stage, |body| body["options"]["top_p"] = json!(0.9));
    prove::<Sent>(
        check,
        &sent,
        &[("an option that is not sent", &dropped), ("an option that nobody set", &defaults)],
    );
}

#[test]
fn f05_every_call_has_its_token_budget_and_its_reason_to_end() {
    /// Budget sent, tokens counted, and whether the budget ended it, of every generation that ended well.
    type Ends = dyn Fn(&Stage) -> Vec<(Option<u64>, Option<u64>, bool)>;
    fn check(ends: &Ends) -> Finding {
        let ends = ends(&STAGE);
        let wrong = ends.iter().find(|end| **end != (Some(BUDGET), Some(BUDGET), true));
        expect(wrong.is_none() && ends.len() >= 15, format!("{wrong:?} of {}", ends.len()))
    }
    let product = |stage: &Stage| {
        let budget = |seed| {
            let body = stage.asked().into_iter().find(|body| body["options"]["seed"] == json!(seed));
            body.and_then(|body| body["options"]["num_predict"].as_u64())
        };
        let end = |one: &GenerationRecord| {
            let closed = one.closed.as_ref().filter(|closed| closed.outcome == GenerationOutcome::Ok)?;
            let by_budget = closed.done_reason == Some(DoneReason::Length);
            Some((budget(one.opened.seed), closed.server.and_then(|server| server.tokens), by_budget))
        };
        stage.measured().filter_map(end).collect::<Vec<_>>()
    };
    let until_it_stops = move |stage: &Stage| -> Vec<(Option<u64>, Option<u64>, bool)> {
        product(stage)
            .into_iter()
            .map(|(_, tokens, _): (Option<u64>, _, bool)| (None, tokens, false))
            .collect()
    };
    prove::<Ends>(check, &product, &[("answers end where they like, and nobody says why", &until_it_stops)]);
}

#[test]
fn f11_a_server_is_told_to_refuse_what_it_would_cut() {
    /// What is sent instead of a body.
    type Body = dyn Fn(Value) -> Value;
    fn check(body: &Body) -> Finding {
        let mut long = STAGE.asked().remove(0);
        long["messages"][1]["content"] = "why ".repeat(4_000).into();
        long["options"]["num_ctx"] = 1_024.into();
        let (status, answer) = STAGE.ask(&body(long));
        expect(status >= 400, format!("a prompt of 4,000 words in 1,024 tokens: status {status}"))?;
        expect(answer.contains("context"), answer)
    }
    let silently = |mut body: Value| {
        without(&mut body, "truncate");
        body
    };
    prove::<Body>(check, &|body| body, &[("the server cuts as it likes", &silently)]);
}

#[test]
fn f15_the_system_text_is_really_sent_in_its_role() {
    fn check(sent: &Sent) -> Finding {
        for body in sent(&STAGE) {
            let messages = body["messages"].as_array().cloned().unwrap_or_default();
            let roles: Vec<&Value> = messages.iter().map(|message| &message["role"]).collect();
            expect(roles == ["system", "user"], format!("roles {roles:?}"))?;
            expect(messages[0]["content"] == PERSONA, format!("{}", messages[0]))?;
        }
        Ok(())
    }
    let printed_only =
        |stage: &Stage| changed(stage, |body| drop(body["messages"].as_array_mut().map(|all| all.remove(0))));
    let as_user = |stage: &Stage| changed(stage, |body| body["messages"][0]["role"] = "user".into());
    prove::<Sent>(
        check,
        &sent,
        &[("it is stored and printed and never sent", &printed_only), ("it is said by the user", &as_user)],
    );
}

#[test]
fn f15_what_was_sent_is_stored_by_its_hash() {
    /// Digests that are stored of prompts.
    type Digests = dyn Fn(&Stage) -> BTreeSet<Digest>;
    fn check(digests: &Digests) -> Finding {
        let content =
            |body: Value| body["messages"][1]["content"].as_str().map(|text| Digest::of(text.as_bytes()));
        let sent: BTreeSet<Digest> = STAGE.asked().into_iter().filter_map(content).collect();
        expect(digests(&STAGE) == sent && sent.len() == 2, format!("{} prompts on the wire", sent.len()))
    }
    let product = |stage: &Stage| {
        let generations = stage.records().flat_map(|record| &record.generations);
        generations.map(|one| one.opened.prompt_digest).collect()
    };
    let of_the_template = |stage: &Stage| {
        let prompts = stage.stored.sweep.workload.prompts.iter();
        prompts.map(|prompt| Digest::of(format!("{PERSONA}{}", prompt.text).as_bytes())).collect()
    };
    prove::<Digests>(check, &product, &[("the hash of something else", &of_the_template)]);
}

#[test]
fn f18_every_call_carries_the_seed_that_is_recorded() {
    /// Seeds of the calls of the whole sweep; absent where none was sent.
    type Seeds = dyn Fn(&Stage) -> BTreeSet<Option<i64>>;
    fn check(seeds: &Seeds) -> Finding {
        let generations = STAGE.records().flat_map(|record| &record.generations);
        let recorded: BTreeSet<Option<i64>> = generations.map(|one| Some(one.opened.seed)).collect();
        let sent = seeds(&STAGE);
        expect(sent == recorded, format!("sent {sent:?}, recorded {recorded:?}"))
    }
    let product = |stage: &Stage| stage.asked().iter().map(|body| body["options"]["seed"].as_i64()).collect();
    prove::<Seeds>(check, &product, &[("the server draws its own", &|_: &Stage| BTreeSet::from([None]))]);
}

#[test]
fn f18_equal_calls_are_byte_equal_on_the_wire() {
    /// The bodies, byte for byte.
    type Bytes = dyn Fn(&Stage) -> Vec<Vec<u8>>;
    fn check(bytes: &Bytes) -> Finding {
        // What is left when the options of the cell and the seed are taken out must be one text per prompt.
        let mut rest: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for body in bytes(&STAGE) {
            let text = String::from_utf8(body).map_err(|error| error.to_string())?;
            let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let mut bare = text;
            for option in ["num_ctx", "temperature", "seed"] {
                bare = bare.replace(&format!("\"{option}\":{}", value["options"][option]), "");
            }
            rest.entry(value["messages"][1]["content"].to_string()).or_default().insert(bare);
        }
        expect(rest.len() == 2, format!("{} prompts", rest.len()))?;
        let unlike = rest.values().find(|texts| texts.len() != 1);
        expect(unlike.is_none(), format!("equal calls differ: {unlike:#?}"))
    }
    let product = |stage: &Stage| stage.chats().map(|chat| chat.request.clone()).collect();
    // Keys in the order of a hash that begins anew in every run.
    let by_hash = |stage: &Stage| {
        let turned = |(n, chat): (usize, &Exchange)| {
            let body = chat.asked();
            let mut keys: Vec<String> =
                body.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
            let half = n % keys.len();
            keys.rotate_left(half);
            let pairs: Vec<String> = keys.iter().map(|key| format!("{key:?}:{}", body[key])).collect();
            format!("{{{}}}", pairs.join(",")).into_bytes()
        };
        stage.chats().enumerate().map(turned).collect()
    };
    prove::<Bytes>(check, &product, &[("keys in the order of their hashes", &by_hash)]);
}

#[test]
fn f22_every_cell_makes_the_same_calls() {
    fn check(sent: &Sent) -> Finding {
        let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for body in sent(&STAGE) {
            let options = &body["options"];
            let cell = format!("{} {}", options["num_ctx"], options["temperature"]);
            let call = format!("{} {} {}", body["messages"], options["num_predict"], options["seed"]);
            calls.entry(cell).or_default().insert(call);
        }
        // Warm-ups follow loads, and which cell of a group is loaded first is chance: measured calls are those of all.
        let all: BTreeSet<&String> = calls.values().flatten().collect();
        let shared = all.iter().filter(|call| calls.values().all(|of_cell| of_cell.contains(**call))).count();
        expect(shared == 4, format!("{shared} calls are made by every cell, not 2 blocks × 2"))
    }
    let own_work = |stage: &Stage| {
        changed(stage, |body| {
            let text = format!("{} {}", body["messages"][1]["content"], body["options"]["num_ctx"]);
            body["messages"][1]["content"] = text.into();
        })
    };
    prove::<Sent>(check, &sent, &[("each variant has a workload of its own", &own_work)]);
}

#[test]
fn f04_a_stream_that_lost_its_end_pulls_no_rate_down() {
    /// Rates that are behind the figures, and generations that the report says did not end well.
    type Rates = dyn Fn(&Stage) -> (Vec<f64>, u64);
    fn check(rates: &Rates) -> Finding {
        let (rates, truncated) = rates(&STAGE);
        let slowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
        expect(truncated == 1, format!("{truncated} truncated"))?;
        expect((slowest - DECODE_RATE / 1.005).abs() < 0.1, format!("the slowest rate is {slowest}"))
    }
    let truncated = |stage: &Stage| {
        let books = &stage.report["conservation"];
        let of = |part: &str| books[part]["not_ok"]["truncated"].as_u64().unwrap_or(0);
        of("generations") + of("other_generations")
    };
    let of_all = |stage: &Stage| -> Vec<Option<f64>> {
        stage
            .measured()
            .map(|one| GenerationQuantities::of(one).and_then(|found| found.decode_rate()))
            .collect()
    };
    let product = move |stage: &Stage| (of_all(stage).into_iter().flatten().collect(), truncated(stage));
    let as_zero = move |stage: &Stage| {
        (of_all(stage).into_iter().map(Option::unwrap_or_default).collect(), truncated(stage))
    };
    prove::<Rates>(check, &product, &[("a lost end is 0 tok/s", &as_zero)]);
}

#[test]
fn f24_the_rate_of_a_server_of_known_speed_is_that_speed() {
    type Rates = dyn Fn(&Stage) -> Vec<f64>;
    fn check(rates: &Rates) -> Finding {
        // A step lasts 1/400 s, and sampling 0.5 % of it.
        let rates = rates(&STAGE);
        let wrong = rates.iter().find(|rate| (**rate - DECODE_RATE / 1.005).abs() > 0.01);
        expect(wrong.is_none() && rates.len() >= 4, format!("{wrong:?} in {} rows", rates.len()))
    }
    let product = |stage: &Stage| {
        let cells = stage.report["cells"].as_array().expect("cells").iter();
        let figures = cells.flat_map(|cell| cell["tally"]["figures"].as_array().expect("figures"));
        figures
            .filter(|one| one["quantity"] == "decode_rate")
            .filter_map(|one| one["pooled"].as_f64())
            .collect()
    };
    let server_prints = |stage: &Stage| {
        let counters = stage.measured().filter_map(|one| one.closed.as_ref()?.server);
        counters.filter_map(|server| Some(server.tokens? as f64 / server.eval?.as_secs_f64())).collect()
    };
    prove::<Rates>(check, &product, &[("eval_count / eval_duration", &server_prints)]);
}

#[test]
fn f10_a_reload_is_paid_before_the_measured_calls_and_told_with_its_cause() {
    /// Loads for another context, and the longest load that a measured call met, in seconds.
    type Reloads = dyn Fn(&Stage) -> (usize, f64);
    fn check(reloads: &Reloads) -> Finding {
        let (told, longest) = reloads(&STAGE);
        expect(told >= 1, "two contexts on one slot, and no reload is told")?;
        expect(longest < 0.2, format!("a measured call waited {longest} s for a load of 0.3 s"))
    }
    let loads = |stage: &Stage| {
        let all = stage.records().flat_map(|record| &record.loads);
        all.filter(|load| load.cause == LoadCause::OptionsChanged)
            .filter_map(|load| load.elapsed)
            .collect::<Vec<_>>()
    };
    let longest = |stage: &Stage| {
        let loads = stage.measured().filter_map(|one| GenerationQuantities::of(one)?.load);
        loads.map(|load| load.as_secs_f64()).fold(0.0, f64::max)
    };
    let product = move |stage: &Stage| (loads(stage).len(), longest(stage));
    let by_the_first_call = move |stage: &Stage| {
        let worst = loads(stage).iter().map(|load| load.as_secs_f64()).fold(0.0, f64::max);
        (loads(stage).len(), worst.max(longest(stage)))
    };
    prove::<Reloads>(
        check,
        &product,
        &[("the first call after a change pays for the load", &by_the_first_call)],
    );
}

#[test]
fn f16_every_figure_follows_from_rows_that_are_there() {
    type Told = dyn Fn(&Stage) -> Value;
    fn check(told: &Told) -> Finding {
        let report = told(&STAGE);
        let compared = catch_unwind(AssertUnwindSafe(|| assert_report(&report, &STAGE.trials, false)));
        let compared = compared.map_err(|_| "a figure does not follow from the rows".to_owned())?;
        expect(compared > 4 * 10, format!("only {compared} figures"))
    }
    let guessed = |stage: &Stage| {
        let mut report = stage.report.clone();
        let figure = report.pointer_mut("/cells/1/tally/figures/0/pooled").expect("a figure");
        *figure = json!(figure.as_f64().expect("a number") * 1.02);
        report
    };
    prove::<Told>(check, &|stage: &Stage| stage.report.clone(), &[("a figure is guessed", &guessed)]);
}

#[test]
fn f19_letters_that_are_cut_in_two_by_the_network_stay_whole() {
    /// Answers that are stored.
    type Answers = dyn Fn(&Stage) -> Vec<String>;
    fn check(answers: &Answers) -> Finding {
        let whole: BTreeSet<String> = STAGE.chats().map(|chat| text_of(&chat.lines())).collect();
        let answers = answers(&STAGE);
        expect(answers.len() >= 15, format!("{} answers", answers.len()))?;
        expect(answers.iter().any(|answer| !answer.is_ascii()), "no letter needs more than a byte")?;
        let broken = answers.iter().find(|answer| !whole.contains(*answer) || answer.contains('\u{fffd}'));
        expect(broken.is_none(), format!("{broken:?} was not sent"))
    }
    let product = |stage: &Stage| {
        let answers = stage.measured().filter_map(|one| one.closed.as_ref());
        answers.filter_map(|closed| closed.answer.clone()).collect()
    };
    let chunk_by_chunk = |stage: &Stage| {
        let decoded = |bytes: &[u8]| -> String { bytes.chunks(7).map(String::from_utf8_lossy).collect() };
        stage.chats().map(|chat| text_of(&lines(&decoded(&chat.answer.concat())))).collect()
    };
    prove::<Answers>(check, &product, &[("text is decoded chunk by chunk", &chunk_by_chunk)]);
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn text_of(lines: &[Value]) -> String {
    lines.iter().filter_map(|line| line["message"]["content"].as_str()).collect()
}

#[test]
fn f19_what_is_written_is_utf_8_and_says_what_was_said() {
    type Written = dyn Fn(&Stage) -> Vec<u8>;
    fn check(written: &Written) -> Finding {
        let text = String::from_utf8(written(&STAGE)).map_err(|error| error.to_string())?;
        expect(text.contains(WORDS), format!("'{WORDS}' is not in the report"))
    }
    // UTF-8 that somebody read as one byte per letter and wrote again.
    let mangled =
        |stage: &Stage| stage.markdown.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes();
    prove::<Written>(check, &|stage: &Stage| stage.markdown.clone(), &[("a code page in between", &mangled)]);
}
