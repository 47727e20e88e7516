use super::*;
use crate::shutdown::Shutdown;

#[tokio::test]
async fn octets_arrive_and_the_end_is_seen() {
    let (mut left, mut right) = Connection::pair(1024);
    left.send(b"hello", None).await.unwrap();
    let mut octets = BytesMut::new();
    assert_eq!(right.receive(&mut octets, None).await.unwrap(), Received::Octets(5));
    left.close(None).await;
    assert_eq!(right.receive(&mut octets, None).await.unwrap(), Received::Closed);
    assert_eq!(&octets[..], b"hello");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_the_deadline() {
    let (mut left, _right) = Connection::pair(16);
    let deadline = Some(Instant::now() + Duration::from_secs(300));
    let mut octets = BytesMut::new();
    assert_eq!(left.receive(&mut octets, deadline).await.unwrap(), Received::TimedOut);
    let error = left.send(&[0; 100], deadline).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn draining_interrupts_only_those_who_wait_between_transactions() {
    let shutdown = Shutdown::new();
    let (left, mut right) = Connection::pair(16);
    let mut left = left.with_shutdown(shutdown.token());
    shutdown.drain();
    let mut octets = BytesMut::new();
    assert_eq!(left.receive_unless_draining(&mut octets, None).await.unwrap(), Received::Draining);
    right.send(b"QUIT", None).await.unwrap();
    assert_eq!(left.receive_unless_draining(&mut octets, None).await.unwrap(), Received::Octets(4));
}

#[tokio::test]
async fn pieces_leave_in_order() {
    let (mut left, mut right) = Connection::pair(100_000);
    let mut pieces =
        vec![Bytes::from_static(b"* 1 "), Bytes::new(), Bytes::from(vec![b'x'; 50_000]), Bytes::from_static(b")")];
    left.send_pieces(&mut pieces, None).await.unwrap();
    assert!(pieces.is_empty());
    let mut octets = BytesMut::new();
    while octets.len() < 50_005 {
        right.receive(&mut octets, None).await.unwrap();
    }
    assert!(octets.starts_with(b"* 1 xx") && octets.ends_with(b"x)"));
}

#[test]
fn idle_connections_are_small() {
    assert!(size_of::<Connection>() <= 512, "{}", size_of::<Connection>());
    let (mut left, _right) = Connection::pair(16);
    let mut octets = BytesMut::new();
    let waiting = left.receive(&mut octets, None);
    assert!(size_of_val(&waiting) <= 512, "{}", size_of_val(&waiting));
}
