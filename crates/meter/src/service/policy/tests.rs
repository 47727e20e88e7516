use super::*;
use crate::table::settings::TableSettings;
use crate::tables::Tables;
use smtp::policy_delegation::ResponseReader;
use std::time::Duration;

fn rules() -> Vec<Rule> {
    let rule = Rule {
        states: vec!["RCPT".to_owned()],
        attributes: vec!["sasl_username".to_owned()],
        table: "users".to_owned(),
        amount: Amount::One,
        answer: Action::DeferIfPermit("4.7.1 slow down".to_owned()),
    };
    let size = Rule {
        states: vec!["END-OF-MESSAGE".to_owned()],
        attributes: vec!["client_address".to_owned(), "sender".to_owned()],
        table: "volume".to_owned(),
        amount: Amount::Kibibytes,
        answer: Action::Reject("too much".to_owned()),
    };
    vec![rule, size]
}

fn serve(rules: Vec<Rule>) -> Connection {
    let (theirs, ours) = Connection::pair(1 << 20);
    let registry = Registry::new();
    let hour = Duration::from_secs(100_000);
    let settings = [("users", TableSettings::throttle(2, hour)), ("volume", TableSettings::throttle(100, hour))];
    let settings = settings.into_iter().map(|(name, settings)| (name.to_owned(), settings)).collect();
    let meter = Meter::Here(Arc::new(Tables::new(settings, &registry)));
    let service = Service::new(meter, Arc::new(Rules::new(rules)), &registry);
    tokio::spawn(Arc::new(service).serve(ours));
    theirs
}

async fn ask(connection: &mut Connection, requests: &[Request]) -> Vec<String> {
    let mut out = Vec::new();
    requests.iter().for_each(|request| request.write(&mut out));
    connection.send(&out, None).await.unwrap();
    let (mut reader, mut answers) = (ResponseReader::default(), Vec::new());
    while answers.len() < requests.len() {
        let mut input = BytesMut::new();
        let Ok(Received::Octets(_)) = connection.receive(&mut input, None).await else { break };
        let mut rest = input.as_ref();
        while let Some(action) = reader.read(&mut rest).unwrap() {
            answers.push(action.to_string());
        }
    }
    answers
}

fn request(state: &str, attributes: &[(&str, &str)]) -> Request {
    let request = Request::new("smtpd_access_policy").with("protocol_state", state);
    attributes.iter().fold(request, |request, (name, value)| request.with(name, value))
}

#[tokio::test]
async fn who_is_over_gets_the_answer_of_the_rule() {
    let mut connection = serve(rules());
    let (alice, bob) = ([("sasl_username", "alice")], [("sasl_username", "bob")]);
    let asked = [
        request("RCPT", &alice),
        request("MAIL", &alice),
        request("RCPT", &alice),
        request("RCPT", &[("sasl_username", "")]),
        request("RCPT", &alice),
        request("RCPT", &bob),
    ];
    let slow = "DEFER_IF_PERMIT 4.7.1 slow down";
    assert_eq!(ask(&mut connection, &asked).await, ["DUNNO", "DUNNO", "DUNNO", "DUNNO", slow, "DUNNO"]);
}

#[tokio::test]
async fn keys_are_joined_and_sizes_counted() {
    let mut connection = serve(rules());
    let message = |sender, size| {
        request("END-OF-MESSAGE", &[("client_address", "192.0.2.1"), ("sender", sender), ("size", size)])
    };
    let asked = [message("a@x.test", "60000"), message("a@x.test", "60000"), message("b@x.test", "60000")];
    assert_eq!(ask(&mut connection, &asked).await, ["DUNNO", "REJECT too much", "DUNNO"]);
}

#[tokio::test]
async fn a_table_that_is_not_there_holds_nobody_back() {
    let mut missing = rules();
    missing[0].table = "none".to_owned();
    let mut connection = serve(missing);
    assert_eq!(ask(&mut connection, &[request("RCPT", &[("sasl_username", "alice")])]).await, ["DUNNO"]);
}

#[tokio::test]
async fn nonsense_ends_the_connection() {
    let mut connection = serve(rules());
    connection.send(b"EHLO there\r\n\r\n", None).await.unwrap();
    let mut heard = BytesMut::new();
    assert_eq!(connection.receive(&mut heard, None).await.unwrap(), Received::Closed);
}
