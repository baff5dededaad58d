# What somebody did, as the audit record says it. The ids are those of the API’s operations.

operation-setup = Set up this cloud
operation-reset_admin = Reset an administrator’s password
operation-session_begin = Log in
operation-session_end = Log out
operation-account_own_update = Change the own account
operation-account_create = Create account
operation-account_update = Change account
operation-account_delete = Delete account
operation-token_create = Create API token
operation-token_delete = Delete API token
operation-settings_update = Change the settings
operation-vm_create = Create VM
operation-vm_update = Change VM
operation-vm_delete = Delete VM
operation-vm_start = Start VM
operation-vm_shutdown = Shut down VM
operation-vm_stop = Force off VM
operation-vm_reset = Reset VM
operation-vm_pause = Pause VM
operation-vm_resume = Resume VM
operation-vm_adopt = Adopt VM
operation-vm_console = Open console
operation-console_connect = Connect to console
operation-vm_screen = Open screen
operation-task_cancel = Cancel task
