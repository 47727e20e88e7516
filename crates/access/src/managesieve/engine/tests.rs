//! Dialogues with the engine alone.

use super::*;

struct Talk {
    engine: Engine,
    output: Vec<u8>,
}

impl Talk {
    fn new(change: impl FnOnce(&mut Offer)) -> Talk {
        let mut offer = Offer {
            can_start_tls: false,
            can_log_in: true,
            mechanisms: vec!["PLAIN".to_owned()],
            extensions: vec!["fileinto".to_owned()],
            methods: vec!["mailto".to_owned()],
            redirects_max: 4,
        };
        change(&mut offer);
        let mut output = Vec::new();
        let patience = Patience { failed_logins_max: 2, offences_max: 3, script_octets_max: 100 };
        let engine = Engine::new("host", offer, patience, &mut output);
        Talk { engine, output }
    }

    fn say(&mut self, text: &str) -> (String, Step) {
        let step = self.engine.receive(&mut text.as_bytes().into(), &mut self.output);
        (self.heard(), step)
    }

    fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.output)).unwrap()
    }

    fn log_in(&mut self) {
        let (_, step) = self.say("AUTHENTICATE \"PLAIN\" \"YQ==\"\r\n");
        assert!(step == Step::BeginExchange { mechanism: "PLAIN".to_owned(), initial: Some(b"a".to_vec()) });
        self.engine.logged_in("alice@b.test", None, &mut self.output);
        assert_eq!(self.heard(), "OK \"logged in\"\r\n");
    }
}

#[test]
fn the_greeting_tells_what_can_be_done() {
    let greeting = Talk::new(|offer| offer.can_start_tls = true).heard();
    for line in
        ["\"SIEVE\" \"fileinto\"", "\"SASL\" \"PLAIN\"", "\"STARTTLS\"", "\"NOTIFY\" \"mailto\"", "\"VERSION\" \"1.0\""]
    {
        assert!(greeting.contains(&format!("{line}\r\n")), "{line} in {greeting}");
    }
    assert!(greeting.ends_with("OK \"host Heliograph ManageSieve ready\"\r\n"), "{greeting}");
}

#[test]
fn scripts_are_asked_for_after_the_login_only() {
    let mut talk = Talk::new(|_| ());
    talk.heard();
    assert!(talk.say("LISTSCRIPTS\r\n").0.starts_with("NO \"not now"));
    talk.log_in();
    let (_, step) = talk.say("PUTSCRIPT \"a\" {5+}\r\nkeep;\r\n");
    assert!(step == Step::Do(Request::Put { name: "a".to_owned(), text: b"keep;".to_vec() }));
    // Nothing is taken until the answer is there.
    assert!(talk.say("NOOP\r\n") == (String::new(), Step::NeedMore));
    talk.engine.answered(b"OK\r\n", &mut talk.output);
    assert_eq!(talk.heard(), "OK\r\n");
    assert_eq!(talk.say("NOOP \"x\"\r\n").0, "OK (TAG \"x\") \"done\"\r\n");
    assert!(talk.say("UNAUTHENTICATE\r\n").1 == Step::Forget);
    talk.heard();
    assert!(talk.say("LISTSCRIPTS\r\n").0.starts_with("NO \"not now"));
}

#[test]
fn a_script_too_large_is_passed_over_and_refused() {
    let mut talk = Talk::new(|_| ());
    talk.log_in();
    talk.heard();
    let script = "x".repeat(5000);
    let (heard, _) = talk.say(&format!("PUTSCRIPT \"a\" {{5000+}}\r\n{script}\r\nNOOP\r\n"));
    assert_eq!(heard, "NO (QUOTA/MAXSIZE) \"a script has at most 100 octets\"\r\nOK \"done\"\r\n");
    let script = "x".repeat(200);
    let (heard, _) = talk.say(&format!("CHECKSCRIPT {{200+}}\r\n{script}\r\n"));
    assert!(heard.starts_with("NO (QUOTA/MAXSIZE)"), "{heard}");
}

#[test]
fn credentials_need_privacy_and_patience_ends() {
    let mut talk = Talk::new(|offer| (offer.can_log_in, offer.can_start_tls) = (false, true));
    talk.heard();
    assert!(talk.say("AUTHENTICATE \"PLAIN\" \"YQ==\"\r\n").0.starts_with("NO (ENCRYPT-NEEDED)"));
    assert!(talk.say("STARTTLS\r\n").1 == Step::StartTls);
    let mut talk = Talk::new(|_| ());
    talk.heard();
    let (heard, step) = talk.say("A\r\nB\r\nC\r\nD\r\n");
    assert!(heard.ends_with("BYE \"too many mistakes\"\r\n") && step == Step::End(Ending::Offences), "{heard}");
}

#[test]
fn failed_logins_end_with_bye() {
    let mut talk = Talk::new(|_| ());
    for _ in 0..2 {
        talk.say("AUTHENTICATE \"PLAIN\" \"YQ==\"\r\n");
        talk.engine.login_refused(b"NO \"wrong\"\r\n", true, &mut talk.output);
    }
    let (heard, step) = talk.say("NOOP\r\n");
    let expected = "NO \"wrong\"\r\nBYE \"too many failed logins\"\r\n";
    assert!(heard == expected && step == Step::End(Ending::FailedLogins), "{heard}");
}

#[test]
fn a_response_too_large_is_no_script() {
    let mut talk = Talk::new(|_| ());
    talk.say("AUTHENTICATE \"PLAIN\"\r\n");
    talk.engine.challenge(b"", &mut talk.output);
    talk.heard();
    let octets = SASL_OCTETS_MAX + 1;
    let (heard, _) = talk.say(&format!("{{{octets}+}}\r\n{}\r\n", "x".repeat(octets)));
    assert_eq!(heard, "NO \"the literal is larger than 16384 octets\"\r\n");
}

#[test]
fn an_exchange_has_challenges_and_an_end() {
    let mut talk = Talk::new(|offer| offer.mechanisms = vec!["SCRAM-SHA-256".to_owned()]);
    talk.heard();
    assert!(matches!(talk.say("AUTHENTICATE \"scram-sha-256\"\r\n").1, Step::BeginExchange { initial: None, .. }));
    talk.engine.challenge(b"hi", &mut talk.output);
    assert_eq!(talk.heard(), "\"aGk=\"\r\n");
    assert!(talk.say("{4+}\r\nYQ==\r\n").1 == Step::Respond(b"a".to_vec()));
    talk.engine.logged_in("alice@b.test", Some(b"v"), &mut talk.output);
    assert_eq!(talk.heard(), "OK (SASL \"dg==\") \"logged in\"\r\n");
    assert!(talk.say("CAPABILITY\r\n").0.contains("\"OWNER\" \"alice@b.test\"\r\n"));
    let (heard, step) = talk.say("LOGOUT\r\n");
    assert!(heard == "OK \"goodbye\"\r\n" && step == Step::End(Ending::Logout));
}
