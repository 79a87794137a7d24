"""The manifest: held against Kubernetes' schema, and its probes and signals played for real."""

import copy
import http.client
import itertools
import os
import signal

import pytest

from tests.deployment.checks import Front, check_visits
from tests.deployment.container import Container, process_one
from tests.support.load import Load
from tests.support.places import free_port
from tests.support.tools import need_package
from tests.support.wait import wait_for
from tricorn.settings.options import BY_NAME

yaml = pytest.importorskip("yaml")

PAGE = "kubernetes"
FILE = "/srv/app/app.yaml"
HOOK = "/srv/app/pre-stop.yaml"
SCHEMA = "1.30"  # the first that knows the hook


@pytest.fixture(scope="module")
def page(machine):
    return machine.install(PAGE)


@pytest.fixture(scope="module")
def deployment(page):
    return next(yaml.safe_load_all(page.files[FILE]))


@pytest.fixture(scope="module")
def pod(deployment):
    return deployment["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def tricorn(pod):
    (container,) = pod["containers"]
    return container


@pytest.fixture(scope="module")
def container(machine, pod):
    return Container(machine, pod["securityContext"]["runAsUser"])


def option(tricorn, name):
    return tricorn["args"][tricorn["args"].index(name) + 1]


class Probe:
    """Asks as the kubelet does; what isn't 200 to 399 is a failure, and so is no answer."""

    def __init__(self, said):
        self.path = said["httpGet"]["path"]
        self.port = said["httpGet"]["port"]
        self.period = said["periodSeconds"]
        self.timeout = said["timeoutSeconds"]
        self.failures = said["failureThreshold"]

    @property
    def notices_within(self):
        """Seconds until a server that fails is known to."""
        return self.period * self.failures + self.timeout

    def ask(self, port):
        # A busy machine is no failure: more patience than the manifest has.
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", self.path, headers={"User-Agent": "kube-probe/1.30"})
            return 200 <= connection.getresponse().status < 400
        except OSError:
            return False
        finally:
            connection.close()


def test_the_manifest_is_what_kubernetes_takes(page, deployment):
    need_package("kubernetes_validate")
    import kubernetes_validate

    with_hook = copy.deepcopy(deployment)
    with_hook["spec"]["template"]["spec"]["containers"][0] |= yaml.safe_load(page.files[HOOK])
    for document in (*yaml.safe_load_all(page.files[FILE]), with_hook):
        kubernetes_validate.validate(document, SCHEMA, strict=True)


def test_what_belongs_together_does(page, deployment, pod, tricorn):
    service = list(yaml.safe_load_all(page.files[FILE]))[1]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels == deployment["spec"]["selector"]["matchLabels"]
    (port,) = tricorn["ports"]
    assert str(port["containerPort"]) == option(tricorn, "--port")
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    probes = [Probe(said) for name, said in tricorn.items() if name.endswith("Probe")]
    assert len(probes) == 3
    assert {probe.port for probe in probes} == {port["name"]}
    assert {probe.path for probe in probes} == {option(tricorn, "--health-path")}
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0


def test_the_times_add_up(page, pod, tricorn):
    delay = float(option(tricorn, "--drain-delay"))
    names = ("timeout_graceful_shutdown", "timeout_lifespan_shutdown")
    stop = delay + sum(BY_NAME[name].default for name in names)
    grace = pod["terminationGracePeriodSeconds"]
    assert stop < grace <= stop + 10
    assert Probe(tricorn["readinessProbe"]).notices_within < delay
    liveness = Probe(tricorn["livenessProbe"])
    assert liveness.period * liveness.failures > grace
    assert yaml.safe_load(page.files[HOOK])["lifecycle"]["preStop"]["sleep"]["seconds"] == delay


class Pod:
    """One of the deployment, as the kubelet sees it."""

    def __init__(self, container, tricorn, *more):
        self.port = free_port()
        self.readiness = Probe(tricorn["readinessProbe"])
        startup = Probe(tricorn["startupProbe"])
        assert not startup.ask(self.port)
        changed = {"0.0.0.0": "127.0.0.1", "8000": str(self.port)}
        # How long it is shall be for the test to say: a second signal ends it.
        changed[option(tricorn, "--drain-delay")] = "600"
        command = [changed.get(word, word) for word in tricorn["args"]]
        env = {one["name"]: one["value"] for one in tricorn["env"]}
        self.server = container.start([*command, *more], **env)
        wait_for(lambda: startup.ask(self.port), what="the startup probe")

    def terminate(self):
        os.kill(process_one(self.server), signal.SIGTERM)

    def end(self):
        """Without the delay."""
        os.kill(process_one(self.server), signal.SIGINT)
        assert self.server.wait() == 0


class Service:
    """Sends to each pod in turn, until it learns that one has gone."""

    def __init__(self, *pods):
        self.pods = pods
        self.turns = itertools.count()

    def connect(self):
        pods = self.pods
        return Front(pods[next(self.turns) % len(pods)].port).connect()

    def drop(self, pod):
        """Goes by the readiness probe alone, which is the slowest way to learn of it."""
        failures = 0
        while failures < pod.readiness.failures:
            failures = 0 if pod.readiness.ask(pod.port) else failures + 1
        self.pods = tuple(one for one in self.pods if one is not pod)


@pytest.mark.parametrize("more", [[], ["--workers", "2"]])
def test_a_pod_is_replaced_without_an_error(container, tricorn, pod, more):
    old, stays = Pod(container, tricorn, *more), Pod(container, tricorn)
    service = Service(old, stays)
    with Load(service.connect, "/fine") as load:
        new = Pod(container, tricorn, *more)
        service.pods = (old, stays, new)
        load.wait_answered(50)
        old.terminate()
        service.drop(old)
        load.wait_answered(50)
    load.check()
    # Whoever asks from here on has never heard of the old one.
    with Load(service.connect, "/fine") as load:
        old.terminate()  # the delay is over
        assert old.server.wait(pod["terminationGracePeriodSeconds"]) == 0
        load.wait_answered(50)
    load.check()
    for one in (stays, new):
        assert one.readiness.ask(one.port)
        one.end()


def test_visits(container, tricorn):
    pod = Pod(container, tricorn)
    check_visits(Front(pod.port))
    assert Probe(tricorn["livenessProbe"]).ask(pod.port)
    pod.end()
