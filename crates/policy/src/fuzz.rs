//! Entry points for the fuzzer: whatever comes in, nothing panics and everything ends.

use crate::access::AccessTable;
use crate::lookup::Answer;
use crate::mapping::file;
use crate::mapping::flags::Flags;
use crate::mapping::machine::{Machine, Step};
use std::sync::Arc;

/// A mapping file; what can be read is asked something.
pub fn fuzz_mapping_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let included = &mut |name: &str, _: &str| Ok((name.to_owned(), String::new()));
    let Ok(mappings) = file::read("fuzz", text, included) else { return };
    let mappings = Arc::new(mappings);
    for number in 0..mappings.tables().len().min(4) {
        probe(&Arc::clone(&mappings), number, "TCP|192.0.2.1|25|198.51.100.7|4321");
    }
}

/// A probe of fixed tables, with the answers that the look-ups get behind the first line.
pub fn fuzz_mapping_probe(data: &[u8]) {
    const TABLES: &str = "T\n\n  *@*|$D*|$_*x* $C$\\$0$_|$1$[dnsbl,list.test,$2]$L\n  $(10.0.0.0/8)* $|U;$0|$Y\n  *a*a*a*b \
                          $R$0\n  $0*$0* $N\n  * $[meter,throttle,t,$0]$X4.4.3|$N$D$A$S$,$I\n\nU\n\n  1* $Y$]ldap:///o?mail?sub?(mail=$=$0$_)[\n";
    let Ok(text) = std::str::from_utf8(data) else { return };
    let included = &mut |_: &str, _: &str| Err(String::new());
    let Ok(mappings) = file::read("fuzz", TABLES, included) else { return };
    probe(&Arc::new(mappings), 0, text);
}

fn probe(mappings: &Arc<crate::mapping::table::Mappings>, number: usize, text: &str) {
    let mut machine = Machine::new(Arc::clone(mappings), number, text, Flags::of("A"));
    let mut step = machine.run();
    let mut turn = 0_u32;
    loop {
        step = match step {
            Step::Lookup(_) => {
                turn += 1;
                machine.answer(match turn % 3 {
                    0 => Answer::NotFound,
                    1 => Answer::Found(format!("$X4.4.3|$N{text}")),
                    _ => Answer::Failed("away".to_owned()),
                })
            }
            Step::Done(outcome) => {
                for table in AccessTable::ALL {
                    let _reading = table.read(&outcome);
                }
                return;
            }
        };
    }
}
