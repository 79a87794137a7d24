"""Django under ASGI, in one file: async and sync views, a stream, static files."""

import asyncio
import warnings
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.staticfiles"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    STATIC_URL="/static/",
    STATICFILES_DIRS=[Path(__file__).parent / "static"],
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
)
NOTED: list[str] = []


async def hello(request):
    return HttpResponse("Hello, world", content_type="text/plain")


def in_a_thread(request, name):
    return HttpResponse(f"Hello, {name}")


@csrf_exempt
async def upload(request):
    return HttpResponse(str(len(request.body)))


@csrf_exempt
def form(request):
    return HttpResponse(str(request.FILES["file"].size))


async def parts():
    for number in range(5):
        yield f"part {number}\n"
        await asyncio.sleep(0.01)


async def stream(request):
    return StreamingHttpResponse(parts())


async def endless(request):
    async def endless_parts():
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.005)
        finally:
            NOTED.append("stream closed")

    return StreamingHttpResponse(endless_parts())


async def noted(request):
    return HttpResponse(",".join(NOTED))


urlpatterns = [
    path("", hello),
    path("hello/<str:name>", in_a_thread),
    path("upload", upload),
    path("form", form),
    path("stream", stream),
    path("endless", endless),
    path("noted", noted),
]
# Django closes it in all cases but one: the client leaves, and send() says so before receive().
warnings.filterwarnings("ignore", "Unclosed file <tempfile.Spooled", ResourceWarning)
django.setup()
app = ASGIStaticFilesHandler(get_asgi_application())
