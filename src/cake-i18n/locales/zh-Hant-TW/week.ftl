# 一頁看完一週：信件、頁面和終端機都用這些字。

week-title = 本週摘要
week-span = { $from }至{ $until }
week-happened = 發生了什麼
week-done = cake做了什麼
week-todo = 該做什麼
week-nothing = 沒有。祝您有美好的一週。
week-todo-more = 另有{ $count }項，請看「警示」。
week-names = { $line }{ $names }
week-names-more = { $line }{ $names }，還有{ $more }個

week-quiet = 沒有什麼需要知道的事。
week-alerts = { $count ->
   *[other] 出現{ $count }則警示（錯誤{ $more }則）。
}
week-alerts-over = { $count ->
   *[other] { $count }則警示已結束。
}
week-often = { $count ->
   *[other] 「{ $name }」的「{ $what }」出現了{ $count }次。
}
week-vm-crashed = { $count ->
   *[other] 虛擬機器當掉{ $count }次：
}
week-vm-failed = { $count ->
   *[other] 虛擬機器無法完成要求{ $count }次：
}
week-hardware = { $count ->
   *[other] 伺服器的事件記錄新增{ $count }筆不好的消息：
}
week-server-off = { $count ->
   *[other] 伺服器關機{ $count }次：
}
week-node-away = { $count ->
   *[other] 有{ $count }次一時聯絡不到伺服器。
}
week-login-failed = { $count ->
   *[other] 登入失敗{ $count }次。
}
week-control-started = { $count ->
   *[other] cake本身啟動了{ $count }次。
}
week-vm-created = { $count ->
   *[other] 新增{ $count }部虛擬機器：
}
week-vm-deleted = { $count ->
   *[other] 永久刪除{ $count }部虛擬機器：
}
week-vm-restarted = { $count ->
   *[other] 重新啟動當掉的虛擬機器{ $count }次：
}
week-tasks = { $count ->
   *[other] 完成{ $count }項工作（失敗{ $more }項）。
}
week-vm-exported = { $count ->
   *[other] 匯出{ $count }部虛擬機器：
}
week-image-imported = { $count ->
   *[other] 匯入{ $count }個映像檔：
}
week-watched = { $count ->
   *[other] 監看{ $count }部伺服器的{ $more }個感測器。
}
week-running = 共{ $more }部虛擬機器，{ $count }部執行中。
week-beyond = { $count ->
   *[other] 這一週的記錄超過{ $count }筆，較舊的沒有計入。
}

letter-subject-week = { $count ->
    [0] 「{ $rack }」本週摘要：沒有待辦事項
   *[other] 「{ $rack }」本週摘要：{ $count }項待辦
}
letter-week-next = { $title }（{ $name }）：{ $next }

week-text = 一頁看完：發生了什麼、cake做了什麼、該做什麼。通知管道可以在每週一早上寄出。
channel-weekly = 每週一早上寄一封信
channel-weekly-on = 每週一早上寄出本週摘要。
field-weekly = 每週摘要
channel-weekly-hint = 每週一早上8點：發生了什麼、cake做了什麼、該做什麼。
reason-channel-weekly = 只有電子郵件和Webhook能收每週摘要
cli-cmd-week = 本週發生了什麼、cake做了什麼、該做什麼
cli-arg-channel-add-mail-weekly = 每週一寄出本週摘要：true（未指定時）或false
cli-arg-channel-add-webhook-weekly = 每週一寄出本週摘要：true或false（未指定時）
cli-arg-channel-set-weekly = 每週一寄出本週摘要：true或false
