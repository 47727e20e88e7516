use super::file;
use super::flags::Flags;
use super::machine::{Machine, Outcome, Step};
use super::pattern::{Pattern, Scratch};
use super::table::Mappings;
use super::template::Template;
use crate::lookup::{Answer, Lookup};
use proptest::prelude::*;
use std::sync::Arc;

fn read(text: &str) -> Result<Mappings, Vec<String>> {
    let include = &mut |name: &str, _: &str| match name {
        "more" => Ok(("more".to_owned(), "MORE\n\n  a b\n".to_owned())),
        "again" => Ok(("again".to_owned(), "<again\n".to_owned())),
        _ => Err("there is no such file".to_owned()),
    };
    file::read("mappings", text, include).map_err(|all| all.iter().map(ToString::to_string).collect())
}

fn tables(text: &str) -> Arc<Mappings> {
    Arc::new(read(text).unwrap())
}

fn ask_with(
    mappings: &Arc<Mappings>,
    table: &str,
    probe: &str,
    flags: &str,
    answers: &[Answer],
) -> (Outcome, Vec<Lookup>) {
    let number = mappings.find(table).unwrap();
    let mut machine = Machine::new(Arc::clone(mappings), number, probe, Flags::of(flags));
    let (mut step, mut asked) = (machine.run(), Vec::new());
    loop {
        step = match step {
            Step::Lookup(lookup) => {
                let answer = answers.get(asked.len()).cloned().unwrap_or(Answer::Failed("nobody knows".to_owned()));
                asked.push(lookup);
                machine.answer(answer)
            }
            Step::Done(outcome) => return (outcome, asked),
        };
    }
}

fn ask(text: &str, probe: &str) -> Outcome {
    ask_with(&tables(&format!("T\n\n{text}\n")), "T", probe, "", &[]).0
}

fn output(text: &str, probe: &str) -> String {
    ask(text, probe).output
}

fn taken(pattern: &str, text: &str) -> Option<Vec<String>> {
    let pattern = Pattern::compile(pattern).unwrap();
    let captures = pattern.matches(text, &mut Scratch::default())?;
    Some((0..10).map_while(|number| captures.text(text, number).map(str::to_owned)).collect())
}

#[test]
fn a_file_with_two_tables_a_continuation_a_quoted_space_and_a_comment() {
    let text =
        "! the first\nONE\n\n  hello$ world   good$ bye\n! inside\n  *@*   \\\n    $1$ owns$ $0\n\nTWO\n\n  x y\n";
    let mappings = tables(text);
    let ask = |table, probe| ask_with(&mappings, table, probe, "", &[]).0.output;
    assert_eq!(ask("ONE", "Hello World"), "good bye");
    assert_eq!(ask("one", "a@b.test"), "b.test owns a");
    assert_eq!(ask("TWO", "X"), "y");
    assert_eq!(ask("TWO", "z"), "z");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line() {
    let wrong = |text: &str| read(text).unwrap_err().join("; ");
    assert!(
        wrong("A\n\n  x y\n\na\n\n  x y\n")
            .starts_with("mappings:5: the table a stands twice; it begins first in mappings:1")
    );
    assert!(wrong("A\n  x y\n").contains("mappings:2: a blank line must stand between"));
    assert!(wrong("A\n\n  x y\n\n  z y\n").contains("mappings:5: an entry outside of a table"));
    assert!(wrong("A\n\n  x y z\n").contains("mappings:3: `z` stands behind the template"));
    assert!(wrong("A\n\n  x y\nB\n\n  x y\n").contains("mappings:4: a blank line must end the table"));
    assert!(wrong("A\n\n  $Qx y\n").contains("mappings:3: the pattern `$Qx`: `$Q` is no wildcard"));
    assert!(wrong("A\n\n  x $[nothing,a]\n").contains("there is no routine `nothing`"));
    assert!(wrong("A\n\n  x $[meter,throttle,a]\n").contains("`meter` takes 2 arguments here, not 1"));
    assert!(wrong("A\n\n  x $[meter,throttle,a\n").contains("`$[` has no `]`"));
    assert!(wrong("<nowhere\n").contains("mappings:1: cannot include nowhere: there is no such file"));
    assert!(wrong("<again\n").contains("more than 10 deep"));
    assert!(wrong("A\n\n  x y$\n").contains("a $ at the end"));
    assert!(wrong("#\n").contains("a line begins with"));
}

#[test]
fn included_files_bring_their_tables() {
    let mappings = tables("A\n\n  x y\n\n<more\n");
    assert_eq!(ask_with(&mappings, "MORE", "a", "", &[]).0.output, "b");
    assert_eq!(mappings.told(mappings.tables()[1].place), "more:1");
}

#[test]
fn long_things_warn_and_are_kept_whole() {
    let long = "x".repeat(5_000);
    let mappings = tables(&format!("A\n\n  {long} y\n  *%*%*%*%*%* $7\n  z $0\n"));
    let warnings: Vec<String> = mappings.warnings().iter().map(ToString::to_string).collect();
    assert!(warnings.iter().any(|line| line.contains("a line of 5004 characters")), "{warnings:?}");
    assert!(warnings.iter().any(|line| line.contains("a pattern of 5000 characters")), "{warnings:?}");
    assert!(warnings.iter().any(|line| line.contains("11 wildcards")), "{warnings:?}");
    assert!(warnings.iter().any(|line| line.contains("mappings:5: warning: `$0` is empty")), "{warnings:?}");
    assert_eq!(ask_with(&mappings, "A", &long, "", &[]).0.output, "y");
}

#[test]
fn wildcards_are_greedy_from_left_to_right() {
    assert_eq!(taken("*@*", "a@b@c").unwrap(), ["a@b", "c"]);
    assert_eq!(taken("$_*@*", "a@b@c").unwrap(), ["a", "b@c"]);
    assert_eq!(taken("%*", "äb").unwrap(), ["ä", "b"]);
    assert_eq!(taken("*.*.*", "a.b.c.d").unwrap(), ["a.b", "c", "d"]);
    assert_eq!(taken("*x", "abc"), None);
    assert_eq!(taken("$*$%$ $$x", "*% $X").unwrap(), Vec::<String>::new());
}

#[test]
fn globs_sets_and_addresses() {
    assert_eq!(taken("$A*$D*", "ab12").unwrap(), ["ab", "12"]);
    assert_eq!(taken("$B%$O%$H%$X%$S%$T%", "17fF_ ").unwrap(), ["1", "7", "f", "F", "_", " "]);
    assert_eq!(taken("$B*", "012"), None);
    assert_eq!(taken("$[a-cx]*$[^0-9]%", "abCXz").unwrap(), ["abCX", "z"]);
    assert_eq!(taken("$[$]]%", "]").unwrap(), ["]"]);
    assert_eq!(taken("$(10.0.0.0/8)|*", "10.9.8.7|x").unwrap(), ["10.9.8.7", "x"]);
    assert_eq!(taken("$(10.0.0.0/8)", "11.0.0.1"), None);
    assert_eq!(taken("$<192.0.2.0/8>", "192.0.2.200").unwrap(), ["192.0.2.200"]);
    assert_eq!(taken("${2001:db8::/32}", "2001:db8::5").unwrap(), ["2001:db8::5"]);
    assert_eq!(taken("${2001:db8::/32}", "2001:db9::5"), None);
}

#[test]
fn back_matches_and_saving() {
    assert_eq!(taken("*@$0*", "ab@AB").unwrap(), ["ab"]);
    assert_eq!(taken("*@$0*", "ab@ac"), None);
    assert_eq!(taken("$@*@$^*", "a@b").unwrap(), ["b"]);
    assert!(Pattern::compile("$0*").is_err());
}

#[test]
fn hard_patterns_end_soon() {
    let text = "a".repeat(20_000);
    assert_eq!(taken("*a*a*a*a*a*a*b", &text), None);
    assert_eq!(taken("*a*b$0*", &text), None);
}

#[test]
fn templates_change_case_and_quote() {
    assert_eq!(output("  *  $\\A$0$^b$0$_C$0", "Xy"), "axyBXYCXy");
    assert_eq!(output("  *  $=$0$_$0", "a*(b)"), "a\\2a\\28b\\29a*(b)");
    assert_eq!(output("  x  $$$ $*$%", "x"), "$ *%");
}

#[test]
fn control_goes_on_ends_and_begins_again() {
    assert_eq!(output("  a $Cb\n  b c\n", "a"), "c");
    assert_eq!(output("  a b\n  b c\n", "a"), "b");
    assert_eq!(output("  a $Cb\n  b $Ec\n  c d\n", "a"), "c");
    assert_eq!(output("  b c\n  a $Rb\n", "a"), "c");
    // One more pass after the last entry, and only one.
    assert_eq!(output("  b* $Cc$0\n  a* $Lb$0\n", "a"), "c");
    assert_eq!(output("  * $L$0x\n", "a"), "axx");
}

#[test]
fn endless_tables_end() {
    let outcome = ask("  a $Rb\n  b $Ra\n", "a");
    assert!(outcome.troubles[0].contains("begins again"), "{outcome:?}");
    let outcome = ask("  a $Rbb\n  bb $Ra\n", "a");
    assert!(outcome.is_match() && !outcome.troubles.is_empty());
    // What becomes shorter each time may go on.
    assert_eq!(output("  x* $R$0\n", &"x".repeat(300)), "");
    let outcome = ask("  * $R$0$0\n", "abcdefgh");
    assert!(outcome.output.len() <= 64 << 10);
}

#[test]
fn flags_are_set_and_tested() {
    let outcome = ask("  * $N$d$!text", "x");
    assert_eq!((outcome.output.as_str(), outcome.flags), ("text", Flags::of("ND!")));
    let mappings = tables("T\n\n  * $:ayes$E\n  * $;Tno$ tls$E\n  * rest\n");
    let ask = |flags| ask_with(&mappings, "T", "x", flags, &[]).0.output;
    assert_eq!(ask("A"), "yes");
    assert_eq!(ask(""), "no tls");
    assert_eq!(ask("T"), "rest");
}

#[test]
fn an_inside_address_ends_and_an_outside_one_falls_through_with_the_text_as_it_was() {
    let mappings = tables(
        "INTERNAL_IP\n\n  $(10.0.0.0/8)  $Y\n  127.0.0.1  $Y\n  *  $N\n\nPORT_ACCESS\n\n  *|*|*|*|*  $C$|INTERNAL_IP;$3|$Y$E\n  \
         *  $YEXTERNAL:$0\n",
    );
    let ask = |probe| ask_with(&mappings, "PORT_ACCESS", probe, "", &[]).0;
    assert_eq!(ask("TCP|1.1.1.1|25|10.2.3.4|99").output, "10.2.3.4".replace("10.2.3.4", ""));
    assert_eq!(ask("TCP|1.1.1.1|25|10.2.3.4|99").matched.len(), 1);
    assert_eq!(ask("TCP|1.1.1.1|25|192.0.2.1|99").output, "EXTERNAL:TCP|1.1.1.1|25|192.0.2.1|99");
}

#[test]
fn a_table_that_is_not_there_or_says_no_makes_the_entry_not_match() {
    assert_eq!(output("  * $|NONE;$0|$Ywrong\n  * right", "x"), "right");
    let mappings = tables("A\n\n  x y\n\nB\n\n  * $|A;$0|wrong\n  * right\n\nC\n\n  * $|C;$0|x\n  * end\n");
    assert_eq!(ask_with(&mappings, "B", "x", "", &[]).0.output, "right");
    assert_eq!(ask_with(&mappings, "C", "x", "", &[]).0.output, "end");
}

#[test]
fn look_ups_are_asked_for_and_their_failure_only_skips_the_entry() {
    let mappings =
        tables("T\n\n  *|* $C$:A$[/opt/lib/check_metermaid.so,throttle,ext_throttle,$1]$N421$ no$E\n  *|* $Ypassed\n");
    let (outcome, asked) = ask_with(&mappings, "T", "a|1.2.3.4", "A", &[Answer::Found(String::new())]);
    assert_eq!(asked[0].to_string(), "meter throttle in ext_throttle of 1.2.3.4");
    assert_eq!((outcome.output.as_str(), outcome.flags), ("421 no", Flags::of("N")));
    let (outcome, _) = ask_with(&mappings, "T", "a|1.2.3.4", "A", &[Answer::NotFound]);
    assert_eq!((outcome.output.as_str(), outcome.flags), ("passed", Flags::of("Y")));
    let (outcome, _) = ask_with(&mappings, "T", "a|1.2.3.4", "A", &[Answer::Failed("away".to_owned())]);
    assert_eq!(outcome.output, "passed");
    assert_eq!(outcome.troubles.len(), 1);
    let (_, asked) = ask_with(&mappings, "T", "a|1.2.3.4", "", &[]);
    assert!(asked.is_empty(), "the flag to the left keeps the meter from being asked");
}

#[test]
fn a_client_adds_no_arguments() {
    let mappings = tables("T\n\n  *|* $[greylist,10.0.0.1,$1,$0]$Y\n");
    let (_, asked) = ask_with(&mappings, "T", "a,b@c|x,y@z", "", &[]);
    assert!(
        matches!(&asked[0], Lookup::Greylist { sender, recipient, .. } if sender == "a,b@c" && recipient == "x,y@z"),
        "{asked:?}"
    );
}

#[test]
fn what_goes_into_a_url_stays_in_its_place() {
    let mappings = tables("T\n\n  * $[http,get,http://h/?x=$0]\n");
    let (_, asked) = ask_with(&mappings, "T", "a&b=c d@e/..", "", &[]);
    assert_eq!(asked[0].to_string(), "GET http://h/?x=a%26b%3Dc%20d%40e%2F..");
}

#[test]
fn every_routine_asks_what_it_says() {
    let asked = |template: &str| {
        let mappings = tables(&format!("T\n\n  * {template}\n"));
        ask_with(&mappings, "T", "k", "", &[]).1.first().map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(asked("$[meter,query,t,$0]"), "meter query in t of k");
    assert_eq!(asked("$[meter,test,t,$0,>=5]"), "meter test >=5 in t of k");
    assert_eq!(asked("$[meter,adjust,t,$0,-3]"), "meter adjust -3 in t of k");
    assert_eq!(asked("$[meter,adjust_and_test,t,$0,+1,>10]"), "meter adjust +1 and test >10 in t of k");
    assert_eq!(asked("$[meter,fetch,t,$0]"), "meter fetch in t of k");
    assert_eq!(asked("$[meter,store,t,$0,v]"), "meter store in t of k");
    assert_eq!(asked("$[meter,remove,t,$0]"), "meter remove in t of k");
    assert_eq!(asked("$[meter,greylisting,t,$0]"), "meter greylisting in t of k");
    assert_eq!(
        asked("$[IMTA_LIB:conn_throttle.so,throttle,$0,10]"),
        "meter throttle at 10 a minute in conn_throttle/10 of k"
    );
    assert_eq!(
        asked("$[conn_throttle.so,throttle_p,$0,10]"),
        "meter throttle_p at 10 a minute in conn_throttle_p/10 of k"
    );
    assert_eq!(asked("$[/x/grosscheck.so,grosscheck,a,b,5525,1.2.3.4,$0,<>,h]"), "greylist 1.2.3.4, <> to <k>");
    assert_eq!(asked("$[dnsbl,list.test,$0]"), "DNS list list.test about k");
    assert_eq!(asked("$[directory,groups,$0]"), "directory groups of k");
    assert_eq!(asked("$[command,check,$0,b]"), "command check (k, b)");
    assert_eq!(asked("$[http,get,http://h/$0]"), "GET http://h/k");
    assert_eq!(asked("$[http,post,http://h/,$0]"), "POST http://h/");
    assert_eq!(asked("$[socket,/run/x.sock,$0]"), "socket /run/x.sock");
    assert_eq!(asked("$]ldap:///o=x?mail?sub?(&(objectClass=*)(mail=$=$0$_))["), "directory address of k");
    assert_eq!(asked("$?25?$Y"), "chance of 25 %");
}

#[test]
fn answers_of_services_may_set_flags_and_those_about_people_may_not() {
    let greylisted = tables("T\n\n  * $[greylist,a,b,c]\n");
    let answer = [Answer::Found("$X4.4.3|$NPlease$ wait$E$1".to_owned())];
    let (outcome, _) = ask_with(&greylisted, "T", "x", "", &answer);
    assert_eq!((outcome.output.as_str(), outcome.flags), ("4.4.3|Please wait1", Flags::of("XN")));
    let person = tables("T\n\n  * $[directory,address,$0]\n");
    let (outcome, _) = ask_with(&person, "T", "x", "", &[Answer::Found("$Na@b".to_owned())]);
    assert_eq!((outcome.output.as_str(), outcome.flags), ("$Na@b", Flags::default()));
}

#[test]
fn the_general_table_and_series() {
    let general = file::read_general("general", "! c\nKey  $Yvalue$ 1\nother\n").unwrap();
    assert!(file::read_general("general", "a b\na c\n").is_err());
    let mappings = read("T\n\n  * ${$0}\n  * none\n\nS\n\n  * $#name|16|4|256#$Y\n").unwrap().with_general(general);
    let mappings = Arc::new(mappings);
    let (outcome, _) = ask_with(&mappings, "T", "KEY", "", &[]);
    assert_eq!((outcome.output.as_str(), outcome.flags), ("value 1", Flags::of("Y")));
    assert_eq!(ask_with(&mappings, "T", "x", "", &[]).0.output, "none");
    assert_eq!(ask_with(&mappings, "S", "x", "", &[Answer::Found("511".to_owned())]).0.output, "00FF");
}

#[test]
fn long_tables_give_the_same_as_short_ones() {
    let mut text = "T\n\n".to_owned();
    for number in 0..200 {
        text.push_str(&format!("  TCP|*|*|*|tcp_local|user{number}@example.test|* ${{x}}\n"));
        text.push_str(&format!("  TCP|*|*|*|tcp_local|user{number}@example.test|* n{number}-$3\n"));
        text.push_str(&format!("  10.{number}.* ip{number}\n"));
    }
    text.push_str("  $(192.0.2.0/24) range\n  % one\n  * rest\n");
    let mappings = tables(&text);
    let ask = |probe: &str| ask_with(&mappings, "T", probe, "", &[]).0.output;
    assert_eq!(ask("tcp|a|b|c|TCP_LOCAL|User123@example.test|z"), "n123-z");
    assert_eq!(ask("10.77.1"), "ip77");
    assert_eq!(ask("192.0.2.9"), "range");
    assert_eq!(ask("q"), "one");
    assert_eq!(ask("qq"), "rest");
}

/// What the language says of a match, written as plainly as can be.
fn slow(pattern: &[char], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some('*'), _) => slow(&pattern[1..], text) || (!text.is_empty() && slow(pattern, &text[1..])),
        (Some('%'), Some(_)) => slow(&pattern[1..], &text[1..]),
        (Some(wanted), Some(found)) => wanted.eq_ignore_ascii_case(found) && slow(&pattern[1..], &text[1..]),
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_matcher_agrees_with_the_plain_one(pattern in "[abA*%]{0,8}", text in "[abAB]{0,12}") {
        let plain = slow(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
        prop_assert_eq!(taken(&pattern, &text).is_some(), plain);
    }

    #[test]
    fn the_index_finds_what_the_search_finds(
        patterns in prop::collection::vec("[ab*%c|]{1,6}", 1..40),
        probe in "[abc|]{0,10}",
    ) {
        let entries: String =
            patterns.iter().enumerate().map(|(number, pattern)| format!("  {pattern} {number}\n")).collect();
        let first = patterns.iter().position(|pattern| taken(pattern, &probe).is_some());
        let outcome = ask(&entries, &probe);
        prop_assert_eq!(outcome.is_match().then_some(outcome.output), first.map(|number| number.to_string()));
    }

    #[test]
    fn nothing_panics(file in ".{0,300}", pattern in "[$*%a-dA-Z0-9\\[\\](){}<>/ ]{0,20}", text in ".{0,40}") {
        crate::fuzz::fuzz_mapping_file(file.as_bytes());
        crate::fuzz::fuzz_mapping_file(format!("T\n\n  {pattern} {pattern}\n  * {pattern}\n").as_bytes());
        crate::fuzz::fuzz_mapping_probe(text.as_bytes());
        let _made = Template::compile(&pattern);
    }
}
