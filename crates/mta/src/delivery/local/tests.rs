//! Nobody is passed over, and nothing is said to be delivered that is not.

use super::*;

#[test]
fn a_script_that_comes_up_while_the_message_is_read_passes_nobody_over() {
    let (scripted, plain) = divided(vec![1, 2], None::<&()>, |_| true);
    assert!(scripted.is_empty());
    assert_eq!(plain, [1, 2]);
    let (scripted, plain) = divided(vec![1, 2], Some(&'m'), |one| *one == 2);
    assert_eq!((scripted, plain), (vec![(2, &'m')], vec![1]));
}

#[test]
fn what_nothing_is_known_of_waits() {
    let done = Became::Told(reply(250, (2, 1, 5), "delivered"));
    let onward = || Some(vec![("x@far.test".parse().unwrap(), Route::new(Channel::Smtp, "far.test"))]);
    assert_eq!(joined(&[], 0, None).verdict, Verdict::Deferred);
    assert_eq!(joined(&[], 1, None).verdict, Verdict::Deferred);
    assert_eq!(joined(&[&done], 2, onward()).verdict, Verdict::Deferred);
    assert_eq!(joined(&[&done], 1, None).verdict, Verdict::Delivered);
    assert!(matches!(joined(&[], 0, onward()).verdict, Verdict::Expanded(_)));
}
