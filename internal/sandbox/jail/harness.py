# Runs in the jail: compiles a file, or runs its tests, and says on the last
# line how many ran. harness.py check|test FILE [TEST...]
import ast, doctest, importlib, importlib.util, inspect, io, os, re, sys, traceback, unittest

MARK = "seedbed:"


def end(ran, failed):
    sys.stdout.flush()
    sys.stderr.flush()
    print(f"{MARK} {ran} ran, {failed} failed", flush=True)
    os._exit(1 if failed else 0)


def missing(what):
    sys.stdout.flush()
    print(f"{MARK} missing {what}", flush=True)
    os._exit(3)


def load(path):
    """Imports a file by its dotted name, so that relative imports work."""
    root = os.getcwd()
    parts = path[: -len(".py")].split("/")
    top = len(parts) - 1
    while top > 0 and os.path.exists(os.path.join(root, *parts[:top], "__init__.py")):
        top -= 1
    for place in (os.path.join(root, *parts[:top]), os.path.join(root, "src"), root):
        if os.path.isdir(place):
            sys.path.insert(0, place)
    try:
        return importlib.import_module(".".join(parts[top:]))
    except ModuleNotFoundError as e:
        name = (e.name or "").split(".")[0]
        here = any(os.path.exists(os.path.join(p, name)) or os.path.exists(os.path.join(p, name + ".py")) for p in sys.path[:4])
        if name and not here and name not in sys.stdlib_module_names:
            missing(f"the Python module {name}")
        raise


def selected(names, name):
    return not names or name in names


def functions(module, names):
    """Tests as pytest knows them: functions, and methods of classes."""
    for name, f in list(vars(module).items()):
        if inspect.isfunction(f) and name.startswith("test") and selected(names, name):
            yield name, f
        if inspect.isclass(f) and name.startswith("Test") and not issubclass(f, unittest.TestCase) and f.__module__ == module.__name__:
            for method, g in list(vars(f).items()):
                if method.startswith("test") and inspect.isfunction(g) and selected(names, f"{name}.{method}"):
                    yield f"{name}.{method}", (f, method)


def call(f):
    if not isinstance(f, tuple):
        return f()
    cls, method = f
    it = cls()
    if hasattr(it, "setup_method"):
        it.setup_method()
    try:
        getattr(it, method)()
    finally:
        if hasattr(it, "teardown_method"):
            it.teardown_method()


def by_pytest(path, names):
    if importlib.util.find_spec("pytest") is None:
        missing("pytest")
    import pytest

    class Count:
        ran = failed = 0

        def pytest_runtest_logreport(self, report):
            if report.when == "call" and not report.skipped:
                self.ran += 1
            if report.failed:
                self.failed += 1

        def pytest_collectreport(self, report):
            if report.failed:
                self.failed += 1

    count = Count()
    for p in ("src", "."):
        sys.path.insert(0, os.path.abspath(p))
    what = [path + "::" + n.replace(".", "::") for n in names] or [path]
    pytest.main(["-q", "-p", "no:cacheprovider", "--tb=short", "--color=no", *what], plugins=[count])
    end(count.ran, count.failed)


def test(path, names):
    source = open(path, encoding="utf-8").read()
    if re.search(r"^\s*(import|from)\s+pytest\b", source, re.M):
        by_pytest(path, names)
    module = load(path)
    found = list(functions(module, names))
    for _, f in found:
        if not isinstance(f, tuple) and any(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in inspect.signature(f).parameters.values()):
            by_pytest(path, names)  # it wants fixtures
    ran = failed = 0
    for name, f in found:
        try:
            call(f)
            ran += 1
            print("PASS", name)
        except unittest.SkipTest:
            pass
        except BaseException:
            ran += 1
            failed += 1
            print("FAIL", name)
            traceback.print_exc(limit=-6)
    suite = unittest.TestSuite()
    for case in unittest.defaultTestLoader.loadTestsFromModule(module):
        for t in case:
            method = t.id().split(".")[-1]
            if selected(names, type(t).__name__ + "." + method) or method in names:
                suite.addTest(t)
    if suite.countTestCases():
        words = io.StringIO()
        r = unittest.TextTestRunner(stream=words, verbosity=0).run(suite)
        print(re.sub(r"(Ran \d+ tests?) in [0-9.]+s", r"\1", words.getvalue()))
        ran += r.testsRun - len(r.skipped)
        failed += len(r.failures) + len(r.errors) + len(r.unexpectedSuccesses)
    end(ran, failed)


def check(path):
    source = open(path, encoding="utf-8").read()
    compile(ast.parse(source, path), path, "exec")
    if not re.search(r"^\s*>>> ", source, re.M):
        end(0, 0)
    r = doctest.testmod(load(path))
    end(r.attempted, r.failed)


try:
    if sys.argv[1] == "check":
        check(sys.argv[2])
    test(sys.argv[2], sys.argv[3:])
except BaseException:
    traceback.print_exc(limit=-6)
    end(0, 1)
