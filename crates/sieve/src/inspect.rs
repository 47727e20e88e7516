//! What a script could do, seen without running it: for those who run scripts where not everything means something.

use crate::fault::Position;
use crate::program::{Action, Operation, Redirect, Script, Test};
use crate::template::Template;

impl Script {
    /// Each action of the script with its place, in order: its name, with the tag that gives it another meaning, such as
    /// `redirect :copy`. An `include` is named by the kind of script, `include :personal` or `include :global`; what that
    /// script does is not among this.
    pub fn actions(&self) -> impl Iterator<Item = (Position, &'static str)> {
        self.operations.iter().filter_map(|(at, operation)| {
            let name = match operation {
                Operation::Action(action) => action.kind(),
                Operation::Include(include) if include.is_global => "include :global",
                Operation::Include(_) => "include :personal",
                _ => return None,
            };
            Some((*at, name))
        })
    }

    /// Whether a test may look at this item of the environment (RFC 5183). `true` also where that is not certain: the
    /// item's name is in a variable, or another script is included.
    pub fn may_look_at_environment(&self, item: &str) -> bool {
        self.operations.iter().any(|(_, operation)| match operation {
            Operation::Include(_) => true,
            Operation::Test(Test::Environment { name: Template::Literal(name), .. }) => name.eq_ignore_ascii_case(item),
            Operation::Test(Test::Environment { .. }) => true,
            _ => false,
        })
    }
}

impl Action {
    fn kind(&self) -> &'static str {
        match self {
            Action::Keep { flags: None } => "keep",
            Action::Keep { flags: Some(_) } => "keep :flags",
            Action::FileInto { .. } => "fileinto",
            Action::Redirect(redirect) => redirect.kind(),
            Action::Discard => "discard",
            Action::Reject { is_extended: false, .. } => "reject",
            Action::Reject { is_extended: true, .. } => "ereject",
            Action::Set { .. } => "set",
            Action::Flags { .. } => "a change of flags",
            Action::AddHeader { is_last: false, .. } => "addheader",
            Action::AddHeader { is_last: true, .. } => "addheader :last",
            Action::DeleteHeader { .. } => "deleteheader",
            Action::Vacation(_) => "vacation",
            Action::Notify(_) => "notify",
            Action::Global(_) => "global",
            Action::Replace { .. } => "replace",
            Action::Enclose { .. } => "enclose",
            Action::ExtractText { .. } => "extracttext",
            Action::Jettison => "jettison",
            Action::Junk => "junk",
            Action::Hold { .. } => "hold",
            Action::Capture { .. } => "capture",
            Action::AddTag { .. } => "addtag",
            Action::SpamAdjust { .. } => "spamadjust",
            Action::VirusSet { .. } => "virusset",
        }
    }
}

impl Redirect {
    fn kind(&self) -> &'static str {
        match self {
            Redirect { is_list: true, .. } => "redirect :list",
            Redirect { is_copy: true, .. } => "redirect :copy",
            Redirect { notify: None, ret: None, by: None, .. } => "redirect",
            _ => "redirect with options of its delivery",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Extensions, compile};

    fn actions(text: &str) -> Vec<&'static str> {
        let script = compile(text.as_bytes(), Extensions::for_administrators()).unwrap();
        script.actions().map(|(_, name)| name).collect()
    }

    #[test]
    fn actions_are_named_by_what_they_mean() {
        let text = "require [\"copy\", \"editheader\", \"include\", \"redirect-dsn\"];\n\
                    if true { redirect \"a@b.test\"; } else { redirect :copy \"a@b.test\"; }\n\
                    redirect :notify \"NEVER\" \"a@b.test\"; addheader :last \"A\" \"b\"; addheader \"A\" \"b\";\n\
                    include \"x\"; include :global \"x\"; keep; stop;";
        let expected = [
            "redirect",
            "redirect :copy",
            "redirect with options of its delivery",
            "addheader :last",
            "addheader",
            "include :personal",
            "include :global",
            "keep",
        ];
        assert_eq!(actions(text), expected);
    }

    #[test]
    fn items_of_the_environment_are_found_by_name() {
        let looks = |text: &str| {
            let script = compile(text.as_bytes(), Extensions::for_administrators()).unwrap();
            script.may_look_at_environment("remote-host")
        };
        let test = |item: &str| {
            looks(&format!("require [\"environment\", \"variables\"]; if environment \"{item}\" \"x\" {{ keep; }}"))
        };
        assert!(test("Remote-Host") && test("${item}") && !test("remote-ip"));
        assert!(looks("require \"include\"; include :global \"x\";") && !looks("keep;"));
    }
}
