//! Messages converted by real commands: parts change, go or stay, and decisions over the message are heard.

use super::*;
use crate::content::conversion::file::Conversions;
use crate::content::settings::{ConversionSettings, Settings};
use net::{Random, Registry, SystemRandom};
use std::path::PathBuf;
use std::sync::Arc;

const MIXED: &str = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
    <p>Hello</p>\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n--b--\r\n";

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn converted(conversions: &str, on_failure: OnFailure, message: &str) -> (Converted, Vec<String>) {
    converted_by(50, conversions, on_failure, message).await
}

async fn converted_by(
    commands_max: usize,
    conversions: &str,
    on_failure: OnFailure,
    message: &str,
) -> (Converted, Vec<String>) {
    let scratch = Scratch(std::env::temp_dir().join(format!("heliograph-apply-{:016x}", SystemRandom.u64())));
    command::prepare(&scratch.0).unwrap();
    let conversion = ConversionSettings {
        conversions: Conversions::parse(conversions).unwrap(),
        on_failure,
        commands_max,
        scratch: scratch.0.clone(),
        ..ConversionSettings::default()
    };
    let settings = Settings { conversion, ..Settings::default() };
    let content = Content::new(settings, "mx.test", Arc::new(SystemRandom), &Registry::new());
    let between = Between { source: "smtp", out: "local", tag: "" };
    convert(&content, TraceId(1), message.as_bytes(), between).await
}

async fn text(conversions: &str) -> String {
    match converted(conversions, OnFailure::Defer, MIXED).await {
        (Converted::Message(Some(message)), _) => String::from_utf8(message).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_part_becomes_what_the_command_wrote() {
    let entry = "in-type=text; in-subtype=html; out-type=text; out-subtype=plain; parameter-copy-0=*;\n\
        command=\"sed -e 's/<[^>]*>//g' < 'INPUT_FILE' > 'OUTPUT_FILE'; echo \\\"$PART_NUMBER $INPUT_SUBTYPE\\\" >> $OUTPUT_FILE\"";
    let after = text(entry).await;
    assert!(
        after.contains("--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n1 html\r\n--b\r\n"),
        "{after}"
    );
    assert!(after.ends_with("name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n--b--\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn labels_change_without_a_command() {
    let after = text("in-subtype=pdf; relabel=1; out-disposition=attachment; out-dparameter-name-0=filename; out-dparameter-value-0=\"b c.pdf\"; out-description=Zähler").await;
    assert!(after.contains("Content-Disposition: attachment; filename=\"b c.pdf\"\r\nContent-Description: =?utf-8?B?WsOkaGxlcg==?=\r\n\r\nUERG\r\n"), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn parts_go() {
    let after = text("in-parameter-name-0=name; in-parameter-value-0=*.pdf; delete=1").await;
    assert!(after.ends_with("<p>Hello</p>\r\n--b--\r\n"), "{after}");
    let after =
        text("in-subtype=pdf; override-option-file=1; command=\"echo STATUS=FORCEDELETE > $OUTPUT_OPTIONS\"").await;
    assert!(after.ends_with("<p>Hello</p>\r\n--b--\r\n"), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_command_does_not_write_stays() {
    let (converted, told) =
        converted("in-type=*; command=\"cp $INPUT_FILE $OUTPUT_FILE\"", OnFailure::Defer, MIXED).await;
    assert_eq!(converted, Converted::Message(None), "{told:?}");
    assert!(told[0].starts_with("conversion: part 1 (text/html), entry on line 1:"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn commands_decide_over_the_message() {
    let decided = |status: &str| {
        let entry = format!(
            "in-subtype=pdf; override-option-file=1;\ncommand=\"printf 'OUTPUT_DIAGNOSTIC=not this\\\\nSTATUS={status}\\\\n' > $OUTPUT_OPTIONS\""
        );
        async move { converted(&entry, OnFailure::Defer, MIXED).await.0 }
    };
    assert_eq!(decided("FORCERETURN").await, Converted::Return("not this".into()));
    assert_eq!(decided("0x0A9C86AA").await, Converted::Hold("not this".into()));
    assert_eq!(decided("PMDF__FORCEPOST").await, Converted::Post("not this".into()));
    assert_eq!(decided("FORCEDISCARD").await, Converted::Discard);
    assert_eq!(decided("FORCEASIS").await, Converted::Message(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_failure_never_loses_the_message() {
    let crash = "in-type=text; command=\"kill -SEGV $$\"";
    let (deferred, _) = converted(crash, OnFailure::Defer, MIXED).await;
    assert!(
        matches!(&deferred, Converted::Defer(why) if why.contains("part 1 (text/html), entry on line 1")),
        "{deferred:?}"
    );
    assert_eq!(converted(crash, OnFailure::Pass, MIXED).await.0, Converted::Message(None));
    assert!(matches!(converted(crash, OnFailure::Hold, MIXED).await.0, Converted::Hold(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_signed_is_left_alone() {
    let signed = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\ns\r\n--b--\r\n";
    let (unchanged, told) = converted("in-type=*; delete=1", OnFailure::Defer, signed).await;
    assert_eq!(unchanged, Converted::Message(None));
    assert_eq!(told, ["conversion: part 1 was left out: it is protected: multipart/signed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_message_with_too_many_parts_is_not_tried_again_and_again() {
    let entry = "in-type=*; command=\"echo X > $OUTPUT_FILE\"";
    let (returned, told) = converted_by(1, entry, OnFailure::Defer, MIXED).await;
    assert!(matches!(&returned, Converted::Return(why) if why.contains("2 parts")), "{returned:?}");
    assert_eq!(told.len(), 1, "no command ran: {told:?}");
    assert!(matches!(converted_by(1, entry, OnFailure::Hold, MIXED).await.0, Converted::Hold(_)));
    let (passed, _) = converted_by(1, entry, OnFailure::Pass, MIXED).await;
    assert!(
        matches!(&passed, Converted::Message(Some(message)) if message.ends_with(b"UERG\r\n--b--\r\n")),
        "{passed:?}"
    );
}
