// Everything of the C interface. Start reading at plugin.h.
#ifndef SYNCLINE_SYNCLINE_H
#define SYNCLINE_SYNCLINE_H

#include "syncline/check.h"
#include "syncline/clock.h"
#include "syncline/discover.h"
#include "syncline/expr.h"
#include "syncline/fetch.h"
#include "syncline/file.h"
#include "syncline/hmac.h"
#include "syncline/host.h"
#include "syncline/http.h"
#include "syncline/idmap.h"
#include "syncline/log.h"
#include "syncline/manifest.h"
#include "syncline/migrate.h"
#include "syncline/periodic.h"
#include "syncline/plugin.h"
#include "syncline/read.h"
#include "syncline/secret.h"
#include "syncline/sign.h"
#include "syncline/state.h"
#include "syncline/types.h"
#include "syncline/version.h"
#include "syncline/webhook.h"
#include "syncline/write.h"

#endif
