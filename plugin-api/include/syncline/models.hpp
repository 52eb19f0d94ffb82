// The published models: what records of a stream that names one hold. An unknown member is left
// alone, and a word may be one that this version does not know; times are RFC 3339, amounts of
// money are decimal text. models.md in the documents has the tables.
//
// This file is made by tools/generate-models from plugin-api/models/models.json.
#ifndef SYNCLINE_MODELS_HPP
#define SYNCLINE_MODELS_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "syncline/json.hpp"
#include "syncline/record_fields.hpp"

#define SYNCLINE_MODELS_VERSION_MAJOR 1
#define SYNCLINE_MODELS_VERSION_MINOR 0

// clang-format off
namespace syncline {

// What a person is known by somewhere.
namespace identity {
struct Model;
// What it is.
struct Kind : Field<Model, "kind", std::string> {
    static constexpr std::string_view kCustomerId = "customer_id";
    static constexpr std::string_view kEmail = "email";
    static constexpr std::string_view kPhone = "phone";
    static constexpr std::string_view kDeviceId = "device_id";
    static constexpr std::string_view kAdvertisingId = "advertising_id";
    static constexpr std::string_view kCookie = "cookie";
    static constexpr std::string_view kPartner = "partner";
    static constexpr std::string_view kCustom = "custom";
};
// Whose id it is: "mapp", "shop-eu".
struct Namespace : Field<Model, "namespace", std::string> {};
// The id, or its digest.
struct Value : Field<Model, "value", std::string> {};
// What `value` is; absent is raw. A digest is in lower-case hexadecimal.
struct Encoding : Field<Model, "encoding", std::string> {
    static constexpr std::string_view kRaw = "raw";
    static constexpr std::string_view kMd5 = "md5";
    static constexpr std::string_view kSha1 = "sha1";
    static constexpr std::string_view kSha256 = "sha256";
};
// What was done to the value before it was hashed.
struct Normalised : Field<Model, "normalised", std::string> {
    static constexpr std::string_view kNone = "none";
    static constexpr std::string_view kEmail = "email";
    static constexpr std::string_view kPhone = "phone";
};
// The person has shown that it is theirs.
struct IsVerified : Field<Model, "verified", bool> {};
// The first of several of its kind.
struct IsPrimary : Field<Model, "primary", bool> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    Kind, Namespace, Value, Encoding, Normalised, IsVerified, IsPrimary
>; };
}  // namespace identity

// What a person has allowed or refused.
namespace consent {
struct Model;
// Whose it is, in a record of its own.
struct User : Field<Model, "user", std::string> {};
// The same, by identities.
struct Identities : Field<Model, "identities", ListOf<identity::Model>> {};
// The law that asks for it.
struct Regulation : Field<Model, "regulation", std::string> {
    static constexpr std::string_view kGdpr = "gdpr";
    static constexpr std::string_view kCcpa = "ccpa";
    static constexpr std::string_view kOther = "other";
};
// What for: "newsletter".
struct Purpose : Field<Model, "purpose", std::string> {};
// True: allowed; false: refused.
struct IsGranted : Field<Model, "granted", bool> {};
// The text that was agreed to, or where it is.
struct Document : Field<Model, "document", std::string> {};
// Where it was given: a page, a form.
struct Location : Field<Model, "location", std::string> {};
// When.
struct At : Field<Model, "at", std::string> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    User, Identities, Regulation, Purpose, IsGranted, Document, Location, At
>; };
}  // namespace consent

// A product within an event.
namespace product {
struct Model;
// Its id.
struct Product : Field<Model, "product", std::string> {};
// For people.
struct Name : Field<Model, "name", std::string> {};
// Who makes it.
struct Brand : Field<Model, "brand", std::string> {};
// "shoes/running".
struct Category : Field<Model, "category", std::string> {};
// Colour, size.
struct Variant : Field<Model, "variant", std::string> {};
// Its place in a list, from 1.
struct Position : Field<Model, "position", std::int64_t> {};
// Of one, in the event's currency.
struct Price : Field<Model, "price", std::string> {};
// How many.
struct Quantity : Field<Model, "quantity", std::int64_t> {};
// Of all of them.
struct Total : Field<Model, "total", std::string> {};
// The code that was used.
struct Coupon : Field<Model, "coupon", std::string> {};
// What else there is.
struct Attributes : Field<Model, "attributes", json::Object> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    Product, Name, Brand, Category, Variant, Position, Price, Quantity, Total, Coupon,
    Attributes
>; };
}  // namespace product

// One person.
namespace profile {
struct Model;
// The id that memberships and events carry, too.
struct User : Field<Model, "user", std::string> {};
// What the person is known by.
struct Identities : Field<Model, "identities", ListOf<identity::Model>> {};
// Names and values of any type.
struct Attributes : Field<Model, "attributes", json::Object> {};
// What the person has allowed or refused.
struct Consents : Field<Model, "consents", ListOf<consent::Model>> {};
// The `user` that this one turned out to be.
struct MergeInto : Field<Model, "merge_into", std::string> {};
// When it last changed.
struct UpdatedAt : Field<Model, "updated_at", std::string> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    User, Identities, Attributes, Consents, MergeInto, UpdatedAt
>; };
}  // namespace profile

// Something that a person did, a purchase as well.
namespace event {
struct Model;
// Its id.
struct Event : Field<Model, "event", std::string> {};
// What happened.
struct EventType : Field<Model, "type", std::string> {
    static constexpr std::string_view kPage = "page";
    static constexpr std::string_view kScreen = "screen";
    static constexpr std::string_view kCustom = "custom";
    static constexpr std::string_view kSessionStart = "session_start";
    static constexpr std::string_view kSessionEnd = "session_end";
    static constexpr std::string_view kProductView = "product_view";
    static constexpr std::string_view kProductClick = "product_click";
    static constexpr std::string_view kAddToCart = "add_to_cart";
    static constexpr std::string_view kRemoveFromCart = "remove_from_cart";
    static constexpr std::string_view kAddToWishlist = "add_to_wishlist";
    static constexpr std::string_view kRemoveFromWishlist = "remove_from_wishlist";
    static constexpr std::string_view kCheckout = "checkout";
    static constexpr std::string_view kPurchase = "purchase";
    static constexpr std::string_view kRefund = "refund";
    static constexpr std::string_view kPromotionView = "promotion_view";
    static constexpr std::string_view kPromotionClick = "promotion_click";
};
// Of a custom event, a page or a screen.
struct Name : Field<Model, "name", std::string> {};
// When.
struct At : Field<Model, "at", std::string> {};
// Who.
struct User : Field<Model, "user", std::string> {};
// The same, by identities.
struct Identities : Field<Model, "identities", ListOf<identity::Model>> {};
// The id of the visit.
struct Session : Field<Model, "session", std::string> {};
// What else there is.
struct Properties : Field<Model, "properties", json::Object> {};
// Device, campaign, place.
struct Context : Field<Model, "context", json::Object> {};
// The id of the order.
struct Transaction : Field<Model, "transaction", std::string> {};
// The shop.
struct Affiliation : Field<Model, "affiliation", std::string> {};
// Of all amounts: ISO 4217, "EUR".
struct Currency : Field<Model, "currency", std::string> {};
// What was paid.
struct Total : Field<Model, "total", std::string> {};
// Of it, tax.
struct Tax : Field<Model, "tax", std::string> {};
// Of it, shipping.
struct Shipping : Field<Model, "shipping", std::string> {};
// The code that was used.
struct Coupon : Field<Model, "coupon", std::string> {};
// What it is about.
struct Products : Field<Model, "products", ListOf<product::Model>> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    Event, EventType, Name, At, User, Identities, Session, Properties, Context, Transaction,
    Affiliation, Currency, Total, Tax, Shipping, Coupon, Products
>; };
}  // namespace event

// A named set of persons.
namespace audience {
struct Model;
// Its id.
struct Audience : Field<Model, "audience", std::string> {};
// For people.
struct Name : Field<Model, "name", std::string> {};
// For people.
struct Description : Field<Model, "description", std::string> {};
// The tenant of the source.
struct Customer : Field<Model, "customer", json::Value> {};
// How its members come.
struct Mode : Field<Model, "mode", std::string> {
    static constexpr std::string_view kRealtime = "realtime";
    static constexpr std::string_view kSynced = "synced";
};
// About how many members it has.
struct SizeEstimate : Field<Model, "size_estimate", std::int64_t> {};
// What the destination wants to know about it.
struct Settings : Field<Model, "settings", json::Object> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    Audience, Name, Description, Customer, Mode, SizeEstimate, Settings
>; };
}  // namespace audience

// A person in an audience; the record's operation says whether to add or to remove.
namespace membership {
struct Model;
// The audience's id.
struct Audience : Field<Model, "audience", std::string> {};
// Who.
struct User : Field<Model, "user", std::string> {};
// What `user` is: "email".
struct UserType : Field<Model, "user_type", std::string> {};
// The same, by identities.
struct Identities : Field<Model, "identities", ListOf<identity::Model>> {};
// The tenant of the source.
struct Customer : Field<Model, "customer", json::Value> {};
// What the destination keeps of the membership.
struct Attributes : Field<Model, "attributes", json::Object> {};
// Why the person came or went.
struct Reason : Field<Model, "reason", std::string> {};
// When the membership ends by itself.
struct ExpiresAt : Field<Model, "expires_at", std::string> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    Audience, User, UserType, Identities, Customer, Attributes, Reason, ExpiresAt
>; };
}  // namespace membership

// A person's wish to be forgotten.
namespace erasure {
struct Model;
// Its id.
struct Request : Field<Model, "request", std::string> {};
// Whose data.
struct User : Field<Model, "user", std::string> {};
// The same, by identities.
struct Identities : Field<Model, "identities", ListOf<identity::Model>> {};
// The law that asks for it.
struct Regulation : Field<Model, "regulation", std::string> {
    static constexpr std::string_view kGdpr = "gdpr";
    static constexpr std::string_view kCcpa = "ccpa";
    static constexpr std::string_view kOther = "other";
};
// What is to go.
struct Scope : Field<Model, "scope", std::string> {
    static constexpr std::string_view kAll = "all";
    static constexpr std::string_view kEvents = "events";
    static constexpr std::string_view kAttributes = "attributes";
};
// When the person asked.
struct RequestedAt : Field<Model, "requested_at", std::string> {};
// When it has to be done.
struct Deadline : Field<Model, "deadline", std::string> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    Request, User, Identities, Regulation, Scope, RequestedAt, Deadline
>; };
}  // namespace erasure

// A thing that is no person: an order, a product, a voucher.
namespace object {
struct Model;
// Its id.
struct Object : Field<Model, "object", std::string> {};
// What it is: "order".
struct ObjectType : Field<Model, "type", std::string> {};
// For people.
struct Name : Field<Model, "name", std::string> {};
// Whose it is.
struct User : Field<Model, "user", std::string> {};
// Names and values of any type.
struct Attributes : Field<Model, "attributes", json::Object> {};
// When it last changed.
struct UpdatedAt : Field<Model, "updated_at", std::string> {};
// Every field of this version.
struct Model { using Fields = AllFields<
    Object, ObjectType, Name, User, Attributes, UpdatedAt
>; };
}  // namespace object

// Their names.
inline constexpr std::string_view kModelNames[] = {
    "identity", "consent", "product", "profile", "event", "audience", "membership", "erasure",
    "object"
};

}  // namespace syncline
// clang-format on

#endif
