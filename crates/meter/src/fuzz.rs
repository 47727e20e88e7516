//! Entry points for the fuzzer: whatever comes from the network, nothing panics and what is written can be read.

use crate::secret::Secret;
use crate::wire::{answer, call, client, frame, server};

/// Both sides of the meter's protocol, before and after the login.
pub fn fuzz_meter_protocol(data: &[u8]) {
    let Some(secret) = Secret::new("a secret of both sides") else { return };
    let mut out = Vec::new();
    let mut stranger = server::Session::new(secret.clone(), [1; 32], &mut out);
    let mut input = data;
    while let Ok(Some(_)) = stranger.receive(&mut input, &mut out) {}
    let mut asking = client::Session::new(secret.clone(), [2; 32]);
    let mut input = data;
    while let Ok(Some(_)) = asking.receive(&mut input, &mut out) {}

    let Some((mut serving, mut asking)) = logged_in(&secret) else { return };
    let mut input = data;
    while let Ok(Some((number, asked))) = serving.receive(&mut input, &mut out) {
        let mut wire = Vec::new();
        call::put(&mut wire, number, &asked);
        let mut again = wire.as_slice();
        // What is over this crate's limits is cut when it is written, and read all the same.
        let read = frame::next(&mut again).ok().flatten().map(call::read);
        assert!(matches!(read, Some(Ok((same, _))) if same == number), "what is written can be read");
    }
    let mut input = data;
    while let Ok(Some(event)) = asking.receive(&mut input, &mut out) {
        let client::Event::Answer(number, Ok(outcome)) = event else { continue };
        let mut wire = Vec::new();
        answer::put(&mut wire, number, &Ok(outcome));
        let mut again = wire.as_slice();
        let read = frame::next(&mut again).ok().flatten().map(answer::read);
        assert!(matches!(read, Some(Ok((same, Ok(_)))) if same == number), "what is written can be read");
    }
}

/// Two sides that know each other.
fn logged_in(secret: &Secret) -> Option<(server::Session, client::Session)> {
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    let mut serving = server::Session::new(secret.clone(), [1; 32], &mut to_client);
    let mut asking = client::Session::new(secret.clone(), [2; 32]);
    asking.receive(&mut to_client.as_slice(), &mut to_server).ok()?;
    to_client.clear();
    serving.receive(&mut to_server.as_slice(), &mut to_client).ok()?;
    asking.receive(&mut to_client.as_slice(), &mut to_server).ok()?;
    Some((serving, asking))
}
