use super::*;
use proptest::prelude::*;

fn notice(account: u32, topic: u8, collection: u32, sequence: u64) -> Notice {
    Notice { account: AccountId(account), topic, collection, sequence }
}

fn all(subscription: &mut Subscription) -> Vec<Signal> {
    std::iter::from_fn(|| subscription.try_next()).collect()
}

#[test]
fn only_what_was_asked_for_is_heard() {
    let bus = Bus::new();
    let mut everything = bus.subscribe(Filter::default());
    let mut one_account = bus.subscribe(Filter { account: Some(AccountId(1)), topic: None });
    let mut one_topic = bus.subscribe(Filter { account: None, topic: Some(7) });
    let (a, b) = (notice(1, 7, 0, 1), notice(2, 8, 0, 1));
    bus.committed(&[a, b]);
    assert_eq!(all(&mut everything), [Signal::Changed(a), Signal::Changed(b)]);
    assert_eq!(all(&mut one_account), [Signal::Changed(a)]);
    assert_eq!(all(&mut one_topic), [Signal::Changed(a)]);
}

#[test]
fn changes_of_one_collection_become_one() {
    let bus = Bus::new();
    let mut subscription = bus.subscribe(Filter::default());
    bus.publish(&[notice(1, 1, 4, 2), notice(1, 1, 4, 3), notice(1, 1, 5, 4)]);
    assert_eq!(all(&mut subscription), [Signal::Changed(notice(1, 1, 4, 3)), Signal::Changed(notice(1, 1, 5, 4))]);
}

#[test]
fn too_many_changes_become_everything() {
    let bus = Bus::new();
    let mut subscription = bus.subscribe(Filter::default());
    for collection in 0..=u32::try_from(UNREAD_CHANGES).unwrap() {
        bus.publish(&[notice(1, 1, collection, 1)]);
    }
    assert_eq!(all(&mut subscription), [Signal::Everything]);
    bus.publish(&[notice(1, 1, 9, 1)]);
    assert_eq!(all(&mut subscription), [Signal::Changed(notice(1, 1, 9, 1))]);
}

#[test]
fn who_leaves_is_forgotten() {
    let bus = Bus::new();
    let one = bus.subscribe(Filter { account: Some(AccountId(1)), topic: None });
    let two = bus.subscribe(Filter::default());
    assert_eq!(bus.listeners(), 2);
    drop((one, two));
    assert_eq!(bus.listeners(), 0);
    assert!(lock(&bus.listeners).by_account.is_empty());
}

#[tokio::test]
async fn waiting_ends_with_a_change() {
    let bus = Bus::new();
    let mut subscription = bus.subscribe(Filter::default());
    let other = bus.clone();
    let waiting = tokio::spawn(async move { subscription.next().await });
    tokio::task::yield_now().await;
    other.publish(&[notice(3, 1, 1, 9)]);
    assert_eq!(waiting.await.unwrap(), Signal::Changed(notice(3, 1, 1, 9)));
}

proptest! {
    /// Whatever is published and whenever it is read: in the end the listener has heard how far everything came.
    #[test]
    fn nothing_is_missed(steps in proptest::collection::vec((0u32..3, 0u32..50, 1u64..100, any::<bool>()), 0..400)) {
        let bus = Bus::new();
        let mut subscription = bus.subscribe(Filter::default());
        let (mut came, mut heard) = (BTreeMap::new(), BTreeMap::new());
        let mut listen = |subscription: &mut Subscription, came: &BTreeMap<(u32, u32), u64>| {
            for signal in all(subscription) {
                match signal {
                    Signal::Everything => heard = came.clone(),
                    Signal::Changed(n) => {
                        let far = heard.entry((n.account.0, n.collection)).or_insert(0);
                        *far = n.sequence.max(*far);
                    }
                }
            }
            heard.clone()
        };
        for (account, collection, sequence, read) in steps {
            bus.publish(&[notice(account, 1, collection, sequence)]);
            let far = came.entry((account, collection)).or_insert(0);
            *far = sequence.max(*far);
            if read {
                listen(&mut subscription, &came);
            }
        }
        prop_assert_eq!(listen(&mut subscription, &came), came);
    }
}
