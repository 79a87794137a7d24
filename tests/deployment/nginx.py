"""nginx as pages have it, with folders of the machine's."""

from tests.deployment.checks import Front
from tests.deployment.machine import Machine
from tests.support.server import Server
from tests.support.tools import need_tool

# What Debian's nginx.conf says around the files of conf.d.
MAIN = """
daemon off;
pid {root}/{name}.pid;
error_log stderr;
events {{ }}
http {{
    default_type application/octet-stream;
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    {inside}
}}
"""


def start_nginx(machine: Machine, front: Front, inside: str) -> Server:
    """With these directives within `http`."""
    name = f"nginx-{front.port}"
    file = machine.root / f"{name}.conf"
    file.write_text(MAIN.format(root=machine.root, name=name, inside=inside))
    command = f"{need_tool('nginx')} -c {file} -p {machine.root} -e stderr"
    return machine.put_in_front(command, front)
