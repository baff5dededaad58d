# 稽核記錄裡的操作。識別碼與 API 的操作相同。

operation-setup = 完成初次設定
operation-reset_admin = 重設管理員密碼
operation-session_begin = 登入
operation-session_end = 登出
operation-account_own_update = 變更自己的帳號
operation-account_create = 建立帳號
operation-account_update = 變更帳號
operation-account_delete = 刪除帳號
operation-token_create = 建立API權杖
operation-token_delete = 刪除API權杖
operation-settings_update = 變更設定
operation-vm_create = 建立虛擬機器
operation-vm_update = 變更虛擬機器
operation-vm_delete = 刪除虛擬機器
operation-vm_start = 啟動虛擬機器
operation-vm_shutdown = 將虛擬機器關機
operation-vm_stop = 強制關閉虛擬機器
operation-vm_reset = 重設虛擬機器
operation-vm_pause = 暫停虛擬機器
operation-vm_resume = 繼續虛擬機器
operation-vm_adopt = 接管虛擬機器
operation-vm_console = 開啟主控台
operation-console_connect = 連上主控台
operation-vm_screen = 開啟螢幕
operation-task_cancel = 取消工作
