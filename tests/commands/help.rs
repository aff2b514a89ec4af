//! The help of each command, as it is printed.

use super::{countersign, run};

/// Every command's help is the one of `tests/golden/help.txt`, where `$` stands before each command line.
#[test]
fn the_help_is_the_golden_one() {
    let golden = include_str!("../golden/help.txt");
    let mut shown = 0;
    for part in golden.split("$ countersign ").skip(1) {
        let (line, text) = part
            .split_once('\n')
            .expect("a command line and its output");
        let arguments: Vec<&str> = line.split(' ').collect();
        if arguments.contains(&"demo") && !cfg!(feature = "embedded") {
            continue;
        }
        let (code, stdout, stderr) = run(&mut countersign(&arguments));
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{line}");
        if cfg!(feature = "embedded") || arguments != ["--help"] {
            assert_eq!(stdout.trim_end(), text.trim_end(), "{line}");
        }
        shown += 1;
    }
    assert!(shown >= 4, "{shown}");
}

/// Every example of a help names options that there are: the command's parser reads it.
#[test]
fn every_example_of_the_help_is_read() {
    let golden = include_str!("../golden/help.txt");
    let examples = golden
        .lines()
        .filter(|line| line.starts_with("  countersign "));
    let mut read = 0;
    for example in examples {
        // What stands behind two blanks says what it does; what stands behind a pipe is another program's.
        let command = example.trim().split("  ").next().unwrap_or("");
        let command = command.split(['|', '&']).next().unwrap_or("").trim();
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let arguments: Vec<&str> = arguments.iter().map(|own| own.trim_matches('\'')).collect();
        if arguments.first() == Some(&"demo") && !cfg!(feature = "embedded") {
            continue;
        }
        // With --help behind it, a command line is parsed up to there and runs nothing.
        let (code, _, stderr) = run(countersign(&arguments).arg("--help"));
        assert_eq!(code, Some(0), "{example}: {stderr}");
        read += 1;
    }
    assert!(read >= 8, "{read}");
}
