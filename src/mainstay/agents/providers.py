"""Providers: the payment companies that collect for many and pay out in one sum, known by how banks write them.

What they send says nothing about who paid: neither their name nor their account is a customer's.
"""

from __future__ import annotations

from functools import lru_cache

from mainstay.agents.names import Words, words_of

# What a bank writes -> what the operator calls it. A name must begin with these words.
WRITTEN = {
    "stripe": "Stripe",
    "paypal": "PayPal",
    "sumup": "SumUp",
    "mollie": "Mollie",
    "stichting mollie": "Mollie",
    "adyen": "Adyen",
    "stichting adyen": "Adyen",
    "klarna": "Klarna",
    "gocardless": "GoCardless",
    "zettle": "Zettle",
    "izettle": "Zettle",
    "block square": "Square",
    "squareup": "Square",
    "shopify payments": "Shopify Payments",
    "amazon payments": "Amazon Payments",
    "amazon pay": "Amazon Pay",
    "worldline": "Worldline",
    "payone": "Payone",
    "unzer": "Unzer",
    "nexi": "Nexi",
    "concardis": "Concardis",
    "worldpay": "Worldpay",
    "braintree": "Braintree",
    "paddle com": "Paddle",
    "lemon squeezy": "Lemon Squeezy",
    "digistore24": "Digistore24",
    "copecart": "CopeCart",
    "viva wallet": "Viva Wallet",
    "payoneer": "Payoneer",
    "etsy payments": "Etsy",
    "airbnb payments": "Airbnb",
    "fastspring": "FastSpring",
}
PROVIDERS: dict[Words, str] = {words_of(written): provider for written, provider in WRITTEN.items()}
LONGEST = max(map(len, PROVIDERS))
# What such a name goes on with where nobody else is named behind it.
OWN = (
    "payments payment europe eu uk us ltd limited technology technologies bank luxembourg sarl cie inc transfer payout"
    " payouts transfers services merchant derdengelden stichting ireland deutschland germany bv network financial"
    " holding solutions processing international rl sca et auszahlung settlement"
)
OWN_WORDS = frozenset(word for written in OWN.split() for word in words_of(written))


@lru_cache(maxsize=4_096)
def provider_of(name: str) -> str | None:
    """Give the provider a counterparty's name stands for: "Stripe"; None for anybody else."""
    found = split_provider(words_of(name))
    return None if found is None else found[0]


def split_provider(words: Words) -> tuple[str, Words] | None:
    """Split a name such as "PAYPAL *NORDWIND" into the provider and whom it names; None when no provider is there."""
    for length in range(min(LONGEST, len(words)), 0, -1):
        provider = PROVIDERS.get(words[:length])
        if provider is not None:
            return provider, tuple(word for word in words[length:] if word not in OWN_WORDS)
    return None


@lru_cache(maxsize=4_096)
def is_from(name: str, provider: str) -> bool:
    """Say whether a counterparty is this provider and nobody behind it: "Mollie B.V.", not "Mollie Jensen"."""
    words, wanted = words_of(name), words_of(provider)
    known = split_provider(words)
    if known is None:
        found, rest = words[: len(wanted)], tuple(word for word in words[len(wanted) :] if word not in OWN_WORDS)
    else:
        found, rest = words_of(known[0])[: len(wanted)], known[1]
    return bool(wanted) and found == wanted and not any(word.isalpha() for word in rest)


def names_provider(words: Words, provider: str) -> bool:
    """Say whether some words, of a name or a text, name this provider."""
    wanted = words_of(provider)
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(len(words)))
