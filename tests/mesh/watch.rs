//! Files that change while a mesh follows them.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use meshless::Mesh;
use meshless::events::Source;
use meshless::mesh::{Cause, Watch};
use tower::ServiceExt;

use crate::support::{Folder, Upstream, get, virtual_service};

fn route(timeout: &str) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: users}}
spec:
  hosts: [users.internal]
  http:
  - route:
    - destination: {{host: users.internal}}
    timeout: {timeout}
"
    )
}

/// Waits for what another thread does, and fails if that takes ten seconds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "not {what} in time"
        );
        sleep(Duration::from_millis(5));
    }
}

fn polled(path: &Path) -> (Mesh, Watch) {
    let mesh = Mesh::from_path(path).unwrap();
    let watch = mesh.poll(path, Duration::from_millis(20)).unwrap();
    (mesh, watch)
}

#[test]
fn a_file_that_is_written_is_taken_and_its_version_says_so() {
    let folder = Folder::new();
    let path = folder.write("users.yaml", &route("1s"));
    let mesh = Mesh::from_path(folder.path()).unwrap();
    let watch = mesh.watch(folder.path()).unwrap();
    fs::write(path, route("2s")).unwrap();
    until("taken", || mesh.version() == 2);
    let history = mesh.history();
    assert_eq!(history[1].cause(), &Cause::Path(folder.path().into()));
    assert_eq!(
        history[1].changed()[0].as_ref(),
        "VirtualService default/users changed"
    );
    assert!(watch.last_error().is_none());
}

#[test]
fn a_file_that_is_renamed_over_is_taken_again_and_again() {
    let folder = Folder::new();
    let path = folder.write("users.yaml", &route("1s"));
    let mesh = Mesh::from_path(&path).unwrap();
    let watch = mesh.watch(&path).unwrap();
    for version in 2..5 {
        let other = folder.write(".users.yaml.swp", &route(&format!("{version}s")));
        fs::rename(other, &path).unwrap();
        until("taken", || mesh.version() == version);
    }
    drop(watch);
}

#[cfg(unix)]
#[test]
fn the_link_of_a_config_map_that_is_swapped_is_followed() {
    use std::os::unix::fs::symlink;

    let folder = Folder::new();
    let version = |name: &str, timeout: &str| {
        let inside = folder.path().join(name);
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("users.yaml"), route(timeout)).unwrap();
    };
    version("..2026_1", "1s");
    symlink("..2026_1", folder.path().join("..data")).unwrap();
    symlink("..data/users.yaml", folder.path().join("users.yaml")).unwrap();
    let mesh = Mesh::from_path(folder.path()).unwrap();
    let watch = mesh.watch(folder.path()).unwrap();
    let (slow, _slow) = polled(folder.path());
    version("..2026_2", "2s");
    symlink("..2026_2", folder.path().join("..data_tmp")).unwrap();
    fs::rename(
        folder.path().join("..data_tmp"),
        folder.path().join("..data"),
    )
    .unwrap();
    fs::remove_dir_all(folder.path().join("..2026_1")).unwrap();
    until("taken", || mesh.version() == 2);
    until("taken without being told", || slow.version() == 2);
    drop(watch);
}

#[test]
fn a_bad_change_is_told_and_watching_goes_on() {
    let folder = Folder::new();
    let path = folder.write("users.yaml", &route("1s"));
    let (mesh, watch) = polled(&path);
    fs::write(&path, route("soon")).unwrap();
    until("refused", || watch.last_error().is_some());
    let error = watch.last_error().unwrap();
    assert!(error.to_string().contains("users.yaml:10"), "{error}");
    assert_eq!(mesh.version(), 1);
    fs::remove_file(&path).unwrap();
    until("missed", || {
        watch
            .last_error()
            .is_some_and(|next| next.to_string() != error.to_string())
    });
    fs::write(&path, route("2s")).unwrap();
    until("taken", || mesh.version() == 2);
    until("forgotten", || watch.last_error().is_none());
}

#[test]
fn a_comment_moves_the_lines_and_not_the_version() {
    let folder = Folder::new();
    let path = folder.write("users.yaml", &route("1s"));
    let (mesh, watch) = polled(&path);
    let shop = mesh.workload("shop", "default");
    let line = || {
        let request = http::Request::get("http://users.internal/").body(());
        let explanation = shop.explain(&request.unwrap());
        let settings = explanation.route().unwrap().settings();
        let timeout = settings.iter().find(|one| one.name() == "timeout").unwrap();
        timeout.origin().unwrap().line()
    };
    assert_eq!(line(), 10);
    fs::write(&path, format!("# One more line.\n{}", route("1s"))).unwrap();
    until("moved", || line() == 11);
    assert_eq!((mesh.version(), mesh.history().len()), (1, 1));
    // A new version does not go back to the old lines.
    fs::write(&path, format!("# One more line.\n{}", route("2s"))).unwrap();
    until("taken", || mesh.version() == 2);
    assert_eq!(line(), 11);
    drop(watch);
}

#[test]
fn a_stack_in_use_follows_the_lines_of_its_policies() {
    let folder = Folder::new();
    let aborted = |comment: &str| {
        let fault = "fault: {abort: {httpStatus: 418, percentage: {value: 100}}}";
        comment.to_owned() + &virtual_service("users.internal", fault, "")
    };
    let path = folder.write("users.yaml", &aborted(""));
    let (mesh, watch) = polled(&path);
    let client = mesh
        .workload("shop", "default")
        .outbound(Upstream::new(|_| 200));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let line = || {
        let response = client.clone().oneshot(get("http://users.internal/"));
        let response = runtime.block_on(response).unwrap();
        Source::of(&response).unwrap().origin().unwrap().line()
    };
    let first = line();
    fs::write(&path, aborted("# One more line.\n")).unwrap();
    until("moved", || line() == first + 1);
    assert_eq!(mesh.version(), 1);
    drop(watch);
}

#[test]
fn dropping_the_handle_ends_it() {
    let folder = Folder::new();
    let path = folder.write("users.yaml", &route("1s"));
    let (mesh, watch) = polled(&path);
    let (other, _other) = polled(&path);
    drop(watch);
    fs::write(&path, route("2s")).unwrap();
    until("taken by the other", || other.version() == 2);
    assert_eq!(mesh.version(), 1);
}

#[test]
fn a_file_that_is_empty_while_it_is_written_leaves_the_policies() {
    let folder = Folder::new();
    let path = folder.write("users.yaml", &route("1s"));
    folder.write("others.yaml", &route("1s").replace("users", "others"));
    let (mesh, watch) = polled(folder.path());
    for half in [
        "",
        "\n\n",
        "apiVersion: networking.istio.io/v1\n",
        "kind: VirtualService\n",
    ] {
        fs::write(&path, half).unwrap();
        until("refused", || watch.last_error().is_some());
        let error = watch.last_error().unwrap().to_string();
        assert!(error.contains("users.yaml"), "{error}");
        assert_eq!(mesh.version(), 1, "{half:?}");
        fs::write(&path, route("1s")).unwrap();
        until("good again", || watch.last_error().is_none());
    }
    assert_eq!(mesh.version(), 1);
    fs::write(&path, "# nothing for now\n").unwrap();
    until("taken", || mesh.version() == 2);
    let removed = "VirtualService default/users removed";
    assert_eq!(&*mesh.history()[1].changed()[0], removed);
}
