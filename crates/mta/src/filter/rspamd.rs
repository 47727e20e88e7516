//! rspamd's answer to `/checkv2`, read: the action, the score, the rules that matched and the changes it wants. Pure.

use crate::filter::failure::Strange;
use crate::filter::limits::CHANGES_MAX;
use crate::filter::report::{Report, Score, tidy};
use serde::Deserialize;
use serde_json::Value;
use smtp::milter::command::Field;
use smtp::milter::response::Change;
use smtp::reply::Reply;
use smtp::status::EnhancedStatus;
use std::collections::BTreeMap;

/// The answer, as far as it is used.
#[derive(Debug, Deserialize)]
struct Answer {
    action: Option<String>,
    #[serde(default)]
    score: f64,
    #[serde(default)]
    required_score: f64,
    subject: Option<String>,
    #[serde(default)]
    messages: BTreeMap<String, Value>,
    milter: Option<Milter>,
    error: Option<String>,
}

/// What the `milter_headers` module wants changed.
#[derive(Debug, Default, Deserialize)]
struct Milter {
    #[serde(default)]
    add_headers: BTreeMap<String, Value>,
    #[serde(default)]
    remove_headers: BTreeMap<String, Value>,
    change_from: Option<String>,
    #[serde(default)]
    add_rcpt: Vec<String>,
    #[serde(default)]
    del_rcpt: Vec<String>,
}

/// Reads the answer.
///
/// # Errors
/// It is no JSON of this form, or says that the message could not be judged.
pub fn read(json: &[u8]) -> Result<Report, Strange> {
    let answer: Answer = serde_json::from_slice(json).map_err(|error| Strange(format!("no proper JSON: {error}")))?;
    if let Some(error) = answer.error {
        return Err(Strange(tidy(&error)));
    }
    let action = answer.action.ok_or_else(|| Strange::new("JSON without an action"))?;
    let text = answer.messages.get("smtp_message").and_then(Value::as_str).map(tidy);
    let mut report = Report {
        verdict: (action != "no action").then(|| tidy(&action)),
        score: Some(Score::new(answer.score, answer.required_score)),
        refusal: refusal_of(&action, text.as_deref()),
        quarantine: (action == "quarantine").then(|| "rspamd wants it put aside".to_owned()),
        discards: action == "discard",
        ..Report::default()
    };
    let milter = answer.milter.unwrap_or_default();
    for (name, which) in &milter.remove_headers {
        for index in indices(which) {
            report.changes.push(Change::ChangeHeader { index, field: field(name, "") });
        }
    }
    for (name, value) in &milter.add_headers {
        add(&mut report.changes, name, value);
    }
    if let (true, Some(subject)) = (action == "rewrite subject", answer.subject) {
        report.changes.push(Change::ChangeHeader { index: 1, field: field("Subject", &subject) });
    }
    report
        .changes
        .extend(milter.add_rcpt.into_iter().map(|address| Change::AddRecipient { address, arguments: vec![] }));
    report.changes.extend(milter.del_rcpt.into_iter().map(Change::DeleteRecipient));
    report.changes.extend(milter.change_from.map(|address| Change::ChangeFrom { address, arguments: vec![] }));
    if report.changes.len() > CHANGES_MAX {
        return Err(Strange(format!("more than {CHANGES_MAX} changes")));
    }
    Ok(report)
}

/// The reply with which an action wants the message refused.
fn refusal_of(action: &str, text: Option<&str>) -> Option<Reply> {
    let reply =
        |code, class, usual: &str| Some(Reply::new(code, EnhancedStatus::new(class, 7, 1), text.unwrap_or(usual)));
    match action {
        "reject" => reply(554, 5, "the message was taken for spam"),
        "soft reject" => reply(451, 4, "the message cannot be taken now; try again later"),
        "greylist" => reply(451, 4, "greylisted; try again later"),
        _ => None,
    }
}

/// Added fields come as text, as `{"value": …, "order": …}`, or as a list of either.
fn add(changes: &mut Vec<Change>, name: &str, value: &Value) {
    match value {
        Value::String(text) => changes.push(Change::AddHeader(field(name, text))),
        Value::Array(values) => values.iter().for_each(|value| add(changes, name, value)),
        Value::Object(object) => {
            let place = object.get("order").and_then(Value::as_u64).and_then(|order| u32::try_from(order).ok());
            for text in object.get("value").into_iter().flat_map(texts) {
                changes.push(match place {
                    Some(index) => Change::InsertHeader { index, field: field(name, text) },
                    None => Change::AddHeader(field(name, text)),
                });
            }
        }
        _ => {}
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    }
}

/// The numbers of fields to remove, from the top: 0 is all of them, which is told as the greatest number. Negative ones, which
/// count from the end, are no numbers that a change can have.
fn indices(value: &Value) -> Vec<u32> {
    match value {
        Value::Array(values) => values.iter().flat_map(indices).collect(),
        value => match value.as_i64() {
            Some(0) => vec![u32::MAX],
            Some(number) => u32::try_from(number).ok().into_iter().collect(),
            None => Vec::new(),
        },
    }
}

fn field(name: &str, value: &str) -> Field {
    Field { name: name.to_owned(), value: value.as_bytes().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_changes() {
        let json = br#"{"is_skipped":false,"score":1000.0,"required_score":15.0,"action":"add header","symbols":{"GTUBE":{"name":"GTUBE","score":0.0}},
            "messages":{"smtp_message":"Gtube pattern"},"milter":{"remove_headers":{"X-Spam":0,"X-A":[1,2]},
            "add_headers":{"X-Spamd-Bar":"++","X-Spam":{"value":"Yes","order":1},"X-Two":["a",{"value":["b"]}]}}}"#;
        let report = read(json).unwrap();
        assert_eq!(report.verdict.as_deref(), Some("add header"));
        assert_eq!(report.score.unwrap().percent(), 100);
        assert_eq!(report.refusal, None);
        let changes: Vec<String> = report.changes.iter().map(|change| format!("{change:?}")).collect();
        assert_eq!(changes.len(), 7, "{changes:#?}");
        assert!(changes[2].contains("index: 4294967295") && changes[3].contains("InsertHeader"), "{changes:#?}");
    }

    #[test]
    fn actions_become_refusals() {
        let of =
            |action: &str| read(format!(r#"{{"action":"{action}","score":1,"required_score":2}}"#).as_bytes()).unwrap();
        assert_eq!(of("no action").verdict, None);
        assert_eq!(of("reject").refusal.unwrap().code, 554);
        assert_eq!(of("soft reject").refusal.unwrap().code, 451);
        assert_eq!(of("greylist").verdict.as_deref(), Some("greylist"));
    }

    #[test]
    fn changes_are_bounded() {
        let with = |count: usize| {
            let fields = vec!["\"x\""; count].join(",");
            let json = format!(r#"{{"action":"no action","milter":{{"add_headers":{{"X":[{fields}]}}}}}}"#);
            read(json.as_bytes()).map(|report| report.changes.len())
        };
        assert_eq!(with(CHANGES_MAX), Ok(CHANGES_MAX));
        assert!(with(CHANGES_MAX + 1).is_err());
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for json in [&b"{}"[..], b"[]", b"<html>", br#"{"error":"cannot scan"}"#, br#"{"action":1}"#] {
            assert!(read(json).is_err());
        }
    }
}
