use super::{code, run, stdout};

#[test]
fn there_are_completions_for_each_shell() {
    for (shell, expected) in [
        ("bash", "complete -F _meshless"),
        ("zsh", "#compdef meshless"),
        ("fish", "complete -c meshless"),
    ] {
        let output = run(&["completions", shell]);
        assert_eq!(code(&output), 0, "{output:?}");
        assert!(stdout(&output).contains(expected), "{shell}");
    }
}

#[test]
fn version_and_help_are_no_failure() {
    let output = run(&["--version"]);
    assert_eq!(
        stdout(&output),
        format!("meshless {}\n", env!("CARGO_PKG_VERSION"))
    );
    for args in [
        &["--help"][..],
        &["check", "--help"],
        &["explain", "--help"],
    ] {
        let output = run(args);
        assert_eq!(code(&output), 0, "{output:?}");
        assert!(stdout(&output).contains("Usage: meshless"), "{output:?}");
    }
    let help = stdout(&run(&["--help"]));
    assert!(help.contains("Exit codes: 0 done, 1 findings"), "{help}");
}
