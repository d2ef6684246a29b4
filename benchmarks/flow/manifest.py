"""What a connector's author would declare of the suites' tools: effects, roles of arguments, who can write what.

Written by one rule, before any figure was seen: a field is trusted where only the operator, the bank, or the service's
own clock and counter write it. What others write, and what pages and shared files hold, is not.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mainstay.origins import ALL, Gives

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.values import EffectClass, Role


class Declared(NamedTuple):
    """One tool."""

    effect: EffectClass = "read"
    roles: Mapping[str, Role] = MappingProxyType({})
    gives: Gives = Gives()


OWN = Declared(gives=Gives(trusted=ALL))
_MAIL_FIELDS = ("id_", "sender", "timestamp", "read", "status")
MAILS = Declared(gives=Gives(trusted=_MAIL_FIELDS, author="sender", at="timestamp", what="the mail"))
SENT = Declared(gives=Gives(trusted=(*_MAIL_FIELDS, "recipients"), author="sender", at="timestamp", what="the mail"))
EVENTS = Declared(
    gives=Gives(trusted=("id_", "start_time", "end_time", "status", "all_day"), what="the calendar entry")
)
FILES = Declared(gives=Gives(trusted=("id_", "owner", "last_modified", "size"), author="owner", what="the file"))
_BANKED = ("id", "sender", "recipient", "amount", "date", "recurring")
LINES = Declared(gives=Gives(trusted=_BANKED, author="sender", at="date", what="the transaction"))
# Standing orders and planned payments are the operator's own, texts and all.
PLANNED = Declared(gives=Gives(trusted=ALL))
CHAT = Declared(gives=Gives(trusted=("sender", "recipient"), author="sender", what="the message"))
STRANGERS = Declared()


def _acts(roles: dict[str, Role], effect: EffectClass = "irreversible", gives: Gives | None = None) -> Declared:
    return Declared(effect, roles, gives or Gives())


_PARTY: dict[str, Role] = {
    "recipients": "receiver",
    "cc": "receiver",
    "bcc": "receiver",
    "attachments.file_id": "target",
}
MAIL = {
    "send_email": _acts(_PARTY),
    "delete_email": _acts({"email_id": "deletion_target"}),
    "get_unread_emails": MAILS,
    "get_received_emails": MAILS,
    "search_emails": MAILS,
    "get_sent_emails": SENT,
    "get_draft_emails": MAILS,
    "search_contacts_by_name": OWN,
    "search_contacts_by_email": OWN,
}
CALENDAR = {
    "get_current_day": OWN,
    "search_calendar_events": EVENTS,
    "get_day_calendar_events": EVENTS,
    "create_calendar_event": _acts({"participants": "receiver"}),
    "cancel_calendar_event": _acts({"event_id": "deletion_target"}),
    "reschedule_calendar_event": _acts({"event_id": "target"}),
    "add_calendar_event_participants": _acts({"event_id": "target", "participants": "receiver"}),
}
DRIVE = {
    "search_files_by_filename": FILES,
    "get_file_by_id": FILES,
    "list_files": FILES,
    "search_files": FILES,
    "append_to_file": _acts({"file_id": "target"}, "reversible", FILES.gives),
    "create_file": _acts({}, "reversible", FILES.gives),
    "delete_file": _acts({"file_id": "deletion_target"}),
    "share_file": _acts({"file_id": "target", "email": "receiver"}),
}
_LISTED = (
    "get_all_hotels_in_city get_hotels_prices get_rating_reviews_for_hotels get_hotels_address "
    "get_all_restaurants_in_city get_cuisine_type_for_restaurants get_restaurants_address "
    "get_rating_reviews_for_restaurants get_dietary_restrictions_for_all_restaurants "
    "get_contact_information_for_restaurants get_price_for_restaurants check_restaurant_opening_hours "
    "get_all_car_rental_companies_in_city get_car_types_available get_rating_reviews_for_car_rental "
    "get_car_fuel_options get_car_rental_address get_car_price_per_day get_flight_information"
)
TRAVEL = {
    **MAIL,
    **CALENDAR,
    **dict.fromkeys(_LISTED.split(), STRANGERS),
    "get_user_information": Declared(gives=Gives(trusted=ALL, secret=ALL)),
    "reserve_hotel": _acts({"hotel": "destination"}),
    "reserve_car_rental": _acts({"company": "destination"}),
    "reserve_restaurant": _acts({"restaurant": "destination"}),
}
_PAYS: dict[str, Role] = {"recipient": "account", "amount": "amount"}
BANKING = {
    "get_iban": OWN,
    "get_balance": OWN,
    "get_user_info": OWN,
    "get_most_recent_transactions": LINES,
    "get_scheduled_transactions": PLANNED,
    "read_file": STRANGERS,
    "send_money": _acts(_PAYS),
    "schedule_transaction": _acts(_PAYS),
    "update_scheduled_transaction": _acts({"id": "target", **_PAYS}),
    "update_password": _acts({"password": "credential"}),
    "update_user_info": _acts(dict.fromkeys(("first_name", "last_name", "street", "city"), "destination")),
}
SLACK = {
    "get_channels": STRANGERS,
    "get_users_in_channel": OWN,
    "read_channel_messages": CHAT,
    "read_inbox": CHAT,
    "get_webpage": _acts({"url": "destination"}),  # the address that is asked for can carry anything away
    "post_webpage": _acts({"url": "destination"}),
    "send_direct_message": _acts({"recipient": "receiver"}),
    "send_channel_message": _acts({"channel": "destination"}),
    "add_user_to_channel": _acts({"user": "receiver", "channel": "destination"}),
    "invite_user_to_slack": _acts({"user": "target", "user_email": "receiver"}),
    "remove_user_from_slack": _acts({"user": "deletion_target"}),
}
SUITES = {"workspace": {**MAIL, **CALENDAR, **DRIVE}, "travel": TRAVEL, "banking": BANKING, "slack": SLACK}
