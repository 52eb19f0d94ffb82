# The module graph: the only place that says who may use whom. Lowest first.
# Targets are generated from it, and the check `check.layers` fails on an include that it does not allow.
# A module may include its own headers, those of the modules it lists here, and nothing else of ours.

set(SYNCLINE_MODULES
    core record schedule auth config expr http_client http_server store secret plugin checker pipeline intake admin app)

set(SYNCLINE_core_USES)
set(SYNCLINE_record_USES core)
set(SYNCLINE_schedule_USES core)
set(SYNCLINE_auth_USES core record schedule)
set(SYNCLINE_config_USES core record auth)
set(SYNCLINE_expr_USES core record)
set(SYNCLINE_http_client_USES core)
set(SYNCLINE_http_server_USES core)
set(SYNCLINE_store_USES core record)
set(SYNCLINE_secret_USES core record config)
set(SYNCLINE_plugin_USES core record plugin_api)
set(SYNCLINE_checker_USES core record plugin plugin_api)
set(SYNCLINE_pipeline_USES core record schedule expr store plugin)
set(SYNCLINE_intake_USES core record auth store http_server plugin)
set(SYNCLINE_admin_USES core record store http_server)
set(SYNCLINE_app_USES core record schedule auth config expr http_client http_server store secret plugin checker
    pipeline intake admin)
