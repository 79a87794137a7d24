"""Django Channels: HTTP by Django, WebSockets by consumers, who meet in a group."""

import django_app
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

NOTED: list[str] = []
settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


class Talk(AsyncJsonWebsocketConsumer):
    async def connect(self):
        self.name = self.scope["url_route"]["kwargs"]["name"]
        offered = self.scope["subprotocols"]
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept(offered[0] if offered else None)

    async def receive(self, text_data=None, bytes_data=None, **more):
        if text_data == "close":
            return await self.close(4001, "as you wish")
        said = {"type": "said", "name": self.name, "text": text_data}
        await self.channel_layer.group_send("room", said)

    async def said(self, event):
        await self.send_json({"name": event["name"], "text": event["text"], "word": "started"})

    async def disconnect(self, code):
        await self.channel_layer.group_discard("room", self.channel_name)
        if code != 4001:
            NOTED.append(f"{self.name} left")


class Mirror(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(bytes_data=bytes_data)


class Forbidden(AsyncWebsocketConsumer):
    async def connect(self):
        raise DenyConnection


async def noted(request):
    return HttpResponse(",".join(NOTED))


django_app.urlpatterns.append(path("noted-by-channels", noted))
app = ProtocolTypeRouter(
    {
        "http": django_app.app,
        "websocket": URLRouter(
            [
                path("talk/<str:name>", Talk.as_asgi()),
                path("mirror", Mirror.as_asgi()),
                path("forbidden", Forbidden.as_asgi()),
            ]
        ),
    }
)
