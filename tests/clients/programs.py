"""Running a client that is a program."""

import contextlib
import os
import subprocess
import threading

from deployments import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY

TIMEOUT_SECONDS = 300


def _environment(changes):
    # Keys that are not ASCII are arguments: the programs must not decode them by the locale of the machine.
    return os.environ | {"LC_ALL": "C.UTF-8"} | (changes or {})


def aws_environment(url, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET_ACCESS_KEY):
    """The key and the endpoint in the variables that all of AWS's tools read, and nothing from the files of this user."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # It does not try again, which would hide a failure.
        "AWS_MAX_ATTEMPTS": "1",
    }


def run(command, *, environment=None, stdin=b"", check=True):
    """
    The finished process, its output as bytes; with `check`, one that failed is an error that shows what it printed.

    `stdin` is what the program is fed, or an open file that it reads.
    """
    fed = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    done = subprocess.run(
        [str(word) for word in command], env=_environment(environment), capture_output=True, timeout=TIMEOUT_SECONDS, **fed
    )
    if check and done.returncode != 0:
        printed = (done.stdout + done.stderr).decode(errors="replace")
        raise AssertionError(f"exit status {done.returncode} of {' '.join(map(str, command))}\n{printed}")
    return done


def kill_after(said, command, *, stdin, environment=None):
    """
    Kills a program as soon as it has said `said` on stderr, and gives all that it said there till then.

    It is fed `stdin`, whose end it never sees.
    """
    with subprocess.Popen(
        [str(word) for word in command],
        env=_environment(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as program:
        deadline = threading.Timer(TIMEOUT_SECONDS, program.kill)
        deadline.start()
        # On a thread: the program may stop reading before it has said what is waited for.
        feeder = threading.Thread(target=_feed, args=[program.stdin, stdin])
        feeder.start()
        printed = ""
        for line in program.stderr:
            printed += line.decode(errors="replace")
            if said in printed:
                break
        deadline.cancel()
        program.kill()
        feeder.join()
    if said not in printed:
        raise AssertionError(f"{command[0]} did not say {said!r} within {TIMEOUT_SECONDS} s, but:\n{printed}")
    return printed


def _feed(pipe, content):
    # Unbuffered, so that nothing is left to be written when the pipe is closed.
    with contextlib.suppress(BrokenPipeError):
        pipe.raw.write(content)
