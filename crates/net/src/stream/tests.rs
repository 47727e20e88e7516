use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn exchange(left: &mut Stream, right: &mut Stream, text: &[u8]) {
    let mut back = vec![0; text.len()];
    let write = async {
        left.write_all(text).await.unwrap();
        left.flush().await.unwrap();
    };
    let (_, read) = tokio::join!(write, right.read_exact(&mut back));
    read.unwrap();
    assert_eq!(back, text);
}

/// Octets that do not compress, the same each time.
fn noise(octets: usize) -> Vec<u8> {
    use crate::random::{Random, Seeded};
    let mut noise = vec![0; octets];
    Seeded::new(3).fill(&mut noise);
    noise
}

#[tokio::test]
async fn memory_pairs_carry_octets() {
    let (mut left, mut right) = Stream::pair(64);
    exchange(&mut left, &mut right, &noise(10_000)).await;
}

#[tokio::test]
async fn deflate_goes_both_ways_and_survives_rests() {
    let (mut left, mut right) = Stream::pair(512);
    left.start_deflate(b"");
    right.start_deflate(b"");
    for round in 0..20 {
        exchange(&mut left, &mut right, format!("* {round} FETCH (FLAGS (\\Seen))\r\n").repeat(round + 1).as_bytes())
            .await;
        exchange(&mut right, &mut left, &noise(round * 7000 + 1)).await;
        if round % 3 == 0 {
            left.rest();
            right.rest();
        }
    }
}

#[tokio::test]
async fn a_resting_deflate_layer_holds_no_compressor() {
    let (mut left, mut right) = Stream::pair(512);
    left.start_deflate(b"");
    right.start_deflate(b"");
    exchange(&mut left, &mut right, b"hello").await;
    left.rest();
    assert!(format!("{left:?}").contains("compressor: None"));
}

#[tokio::test]
async fn octets_that_came_early_are_decompressed() {
    let (mut left, mut right) = Stream::pair(4096);
    left.start_deflate(b"");
    left.write_all(b"early").await.unwrap();
    left.flush().await.unwrap();
    let mut early = vec![0; 3];
    right.read_exact(&mut early).await.unwrap();
    right.start_deflate(&early);
    let mut back = [0; 5];
    right.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"early");
}

#[tokio::test]
async fn noise_is_no_deflate_stream() {
    let (mut left, mut right) = Stream::pair(4096);
    right.start_deflate(b"");
    left.write_all(&[0xff; 100]).await.unwrap();
    let error = right.read(&mut [0; 10]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
