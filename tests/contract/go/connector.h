#include "syncline/syncline.h"
