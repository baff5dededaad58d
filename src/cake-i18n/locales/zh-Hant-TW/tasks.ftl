# 工作：需要時間、有進度的事。

task-kind-vm-create = 建立虛擬機器
task-kind-vm-start = 啟動
task-kind-vm-shutdown = 關機
task-kind-vm-stop = 強制關閉
task-kind-vm-reset = 重設
task-kind-vm-pause = 暫停
task-kind-vm-resume = 繼續
task-kind-vm-update = 變更
task-kind-vm-delete = 刪除虛擬機器
task-kind-vm-adopt = 接管

task-vm-create = 建立 { $name }
task-vm-start = 啟動 { $name }
task-vm-shutdown = 將 { $name } 關機
task-vm-stop = 強制關閉 { $name }
task-vm-reset = 重設 { $name }
task-vm-pause = 暫停 { $name }
task-vm-resume = 繼續 { $name }
task-vm-update = 變更 { $name }
task-vm-delete = 刪除 { $name }
task-vm-adopt = 接管 { $name }

task-state-running = 進行中
task-state-done = 完成
task-state-failed = 失敗
task-state-cancelled = 已取消

# 工作如何結束
task-end-done = { $name }：已完成。
task-end-failed = { $name }：沒有成功。
task-end-cancelled = { $name }：完成前已取消。
task-end-superseded = { $name }：已由較新的要求取代。
task-end-removed = { $name }：期間已被刪除。
task-end-interrupted = { $name }：已中斷，請再要求一次。
task-end-lost = { $name }：沒有任何伺服器有它。
task-end-refused = { $name }：伺服器拒絕了。
task-end-crashed = { $name }：客體當掉了。
task-end-killed = { $name }：伺服器上有人結束了它。
task-end-not-running = { $name }：它不在執行中。
