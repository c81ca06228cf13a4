"""The schemas of people and groups as data: User, Enterprise User and Group of RFC 7643 §4 and §8.7.1.

Two characteristics differ from the sample of §8.7.1, on purpose: `value` of members, groups and manager is
caseExact because it is an `id`, which is (§3.1); and `value` of a member is required because a member without
one is nobody.
"""

from __future__ import annotations

from rollcall.scim.attribute import Attribute, Schema

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"


def _plural(
    name: str, description: str, types: tuple[str, ...] = (), value: Attribute | None = None, returned_value: str = ""
) -> Attribute:
    """A multi-valued attribute with the default sub-attributes of RFC 7643 §2.4."""
    return Attribute(
        name, "complex", True, description,
        sub_attributes=(
            value or Attribute("value", description=returned_value or "The value."),
            Attribute("display", description="A name for display."),
            Attribute("type", description="What the value is for.", canonical_values=types),
            Attribute("primary", "boolean", description="Whether it is the preferred one; true at most once."),
        ),
    )  # fmt: skip


_NAME = Attribute(
    "name", "complex", description="The components of the name.",
    sub_attributes=(
        Attribute("formatted", description="The whole name, for display."),
        Attribute("familyName", description="Family name, or last name."),
        Attribute("givenName", description="Given name, or first name."),
        Attribute("middleName", description="Middle names."),
        Attribute("honorificPrefix", description="Title before the name."),
        Attribute("honorificSuffix", description="Suffix after the name."),
    ),
)  # fmt: skip

_ADDRESSES = Attribute(
    "addresses", "complex", True, "Postal addresses.",
    sub_attributes=(
        Attribute("formatted", description="The whole address, with line feeds."),
        Attribute("streetAddress", description="Street, house number, post box."),
        Attribute("locality", description="City."),
        Attribute("region", description="State or region."),
        Attribute("postalCode", description="Postal code."),
        Attribute("country", description="Country, as two letters of ISO 3166-1."),
        Attribute("type", description="What the address is for.", canonical_values=("work", "home", "other")),
        # RFC 7643 §4.1.2 and the samples of §8.2 use it, §8.7.1 forgets it.
        Attribute("primary", "boolean", description="Whether it is the preferred one; true at most once."),
    ),
)  # fmt: skip

_GROUPS = Attribute(
    "groups", "complex", True, "Groups to which the user belongs; changed at the group.", mutability="readOnly",
    sub_attributes=(
        Attribute("value", description="The group's id.", case_exact=True, mutability="readOnly"),
        Attribute("$ref", "reference", description="The group's URI.", case_exact=True, mutability="readOnly",
                  reference_types=("User", "Group")),
        Attribute("display", description="The group's name.", mutability="readOnly"),
        Attribute("type", description="How the user belongs to it.", mutability="readOnly",
                  canonical_values=("direct", "indirect")),
    ),
)  # fmt: skip

USER_SCHEMA = Schema(
    USER_URN, "User", "User Account",
    (
        Attribute("userName", description="What the user signs in with; unique.", required=True, uniqueness="server"),
        _NAME,
        Attribute("displayName", description="The name as shown to others."),
        Attribute("nickName", description="How the user is called casually."),
        Attribute("profileUrl", "reference", description="URI of a page about the user.", case_exact=True,
                  reference_types=("external",)),
        Attribute("title", description="The user's title, such as Vice President."),
        Attribute("userType", description="Relation between organisation and user."),
        Attribute("preferredLanguage", description="Preferred languages, as in Accept-Language."),
        Attribute("locale", description="Language tag for currency, dates and numbers."),
        Attribute("timezone", description="Time zone, as a name of the IANA database."),
        Attribute("active", "boolean", description="Whether the account may be used."),
        Attribute("password", description="Clear text password; set only.", case_exact=True,
                  mutability="writeOnly", returned="never"),
        _plural("emails", "Mail addresses.", ("work", "home", "other")),
        _plural("phoneNumbers", "Phone numbers.", ("work", "home", "mobile", "fax", "pager", "other")),
        _plural("ims", "Instant messaging addresses.",
                ("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo")),
        _plural("photos", "URIs of photos.", ("photo", "thumbnail"),
                Attribute("value", "reference", description="URI of the photo.", case_exact=True,
                          reference_types=("external",))),
        _ADDRESSES,
        _GROUPS,
        _plural("entitlements", "What the user is entitled to."),
        _plural("roles", "Roles of the user."),
        _plural("x509Certificates", "Certificates of the user.", (),
                Attribute("value", "binary", description="DER certificate in base64.", case_exact=True)),
    ),
)  # fmt: skip

ENTERPRISE_USER_SCHEMA = Schema(
    ENTERPRISE_USER_URN, "EnterpriseUser", "Enterprise User",
    (
        Attribute("employeeNumber", description="Number of the person in the organisation."),
        Attribute("costCenter", description="Cost centre."),
        Attribute("organization", description="Organisation."),
        Attribute("division", description="Division."),
        Attribute("department", description="Department."),
        Attribute("manager", "complex", description="The user's manager.", sub_attributes=(
            Attribute("value", description="The manager's id.", case_exact=True),
            Attribute("$ref", "reference", description="The manager's URI.", case_exact=True,
                      reference_types=("User",)),
            Attribute("displayName", description="The manager's display name.", mutability="readOnly"),
        )),
    ),
)  # fmt: skip

GROUP_SCHEMA = Schema(
    GROUP_URN, "Group", "Group",
    (
        Attribute("displayName", description="The group's name.", required=True),
        Attribute("members", "complex", True, "Members of the group.", sub_attributes=(
            Attribute("value", description="The member's id.", required=True, case_exact=True,
                      mutability="immutable"),
            Attribute("$ref", "reference", description="The member's URI.", case_exact=True, mutability="immutable",
                      reference_types=("User", "Group")),
            Attribute("type", description="Kind of member.", mutability="immutable",
                      canonical_values=("User", "Group")),
            # RFC 7643 §2.4 and the sample of §8.4 have it, §8.7.1 forgets it; the provider fills it in.
            Attribute("display", description="The member's name.", mutability="readOnly"),
        )),
    ),
)  # fmt: skip
