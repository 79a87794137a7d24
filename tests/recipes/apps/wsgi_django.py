"""A Django project in one file, under WSGI."""
# ruff: noqa: SIM115 - the responses close their files

import tempfile

from django.conf import settings

settings.configure(
    DEBUG=False,
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    FILE_UPLOAD_MAX_MEMORY_SIZE=100_000,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - needs the settings
from django.http import (  # noqa: E402
    FileResponse,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path  # noqa: E402


def hello(request):
    return HttpResponse("Hello, Django")


def facts(request):
    return JsonResponse(
        {
            "path": request.path,
            "query": request.GET.dict(),
            "host": request.get_host(),
            "secure": request.is_secure(),
            "remote": request.META["REMOTE_ADDR"],
        }
    )


def stream(request):
    return StreamingHttpResponse(f"{number}\n" for number in range(10))


def upload(request):
    file = request.FILES["file"]
    return JsonResponse({"size": file.size, "sum": sum(sum(chunk) for chunk in file.chunks())})


def echo(request):
    return HttpResponse(request.body)


def download(request):
    file = tempfile.TemporaryFile()
    file.write(bytes(range(256)) * 4000)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="content.bin")


def module(request):
    return FileResponse(open(__file__, "rb"))


urlpatterns = [
    path("", hello),
    path("facts/é", facts),
    path("stream", stream),
    path("upload", upload),
    path("echo", echo),
    path("download", download),
    path("module", module),
]
application = get_wsgi_application()
